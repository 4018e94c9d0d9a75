/** Signing in: by name and password, or by a token that a service has given out. */
import { useState } from 'preact/hooks';
import { ApiError, askJson } from './api/request.ts';
import { basic, signedOutBecause, signIn } from './api/session.ts';
import { useStore } from './store.ts';
import { Button, Trouble } from './ui/basics.tsx';
import { TextField } from './ui/fields.tsx';

interface Whoami {
  readonly name: string;
  readonly tags: readonly string[] | string;
}

export function SignIn() {
  const because = useStore(signedOutBecause);
  const [by, setBy] = useState<'password' | 'token'>('password');
  const [name, setName] = useState('');
  const [secret, setSecret] = useState('');
  const [working, setWorking] = useState(false);
  const [error, setError] = useState<ApiError | undefined>(undefined);

  const submit = async (): Promise<void> => {
    setWorking(true);
    setError(undefined);
    const authorization = by === 'token' ? `Bearer ${secret}` : basic(name, secret);
    try {
      const { name: known, tags } = await askJson<Whoami>('/api/whoami', { authorization });
      signIn({ name: known, tags: typeof tags === 'string' ? tags.split(',').filter(Boolean) : tags, authorization });
    } catch (thrown) {
      setWorking(false);
      const status = thrown instanceof ApiError ? thrown.status : 0;
      setError(
        status === 401
          ? new ApiError(
              401,
              by === 'token' ? 'The broker does not accept this token.' : 'The name or the password is wrong.',
            )
          : thrown instanceof ApiError
            ? thrown
            : new ApiError(0, String(thrown)),
      );
    }
  };

  return (
    <main class="sign-in">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <h1>Entrepot</h1>
        {because !== '' && <p class="notice">{because}</p>}
        <fieldset class="tabs" aria-label="Sign in by">
          <Button kind="quiet" pressed={by === 'password'} onClick={() => setBy('password')}>
            Password
          </Button>
          <Button kind="quiet" pressed={by === 'token'} onClick={() => setBy('token')}>
            Token
          </Button>
        </fieldset>
        {by === 'password' && (
          <TextField label="Name" value={name} onInput={setName} autocomplete="username" required autofocus />
        )}
        <TextField
          label={by === 'token' ? 'Token' : 'Password'}
          type="password"
          value={secret}
          onInput={setSecret}
          autocomplete={by === 'token' ? 'off' : 'current-password'}
          required
        />
        <Trouble error={error} />
        <Button submit kind="primary" disabled={working}>
          {working ? 'Asking the broker …' : 'Sign in'}
        </Button>
      </form>
    </main>
  );
}
