/** Where it begins. */
import { render } from 'preact';
import { resumeSession, watchIdle } from './api/session.ts';
import { App } from './app.tsx';
import './style/theme.css';
import './style/layout.css';
import './style/parts.css';
import './style/graph.css';
import './style/topics.css';
import { showTheme } from './theme.ts';

showTheme();
resumeSession();
watchIdle();
render(<App />, document.getElementById('console')!);
