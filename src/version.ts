/** What `--version`, the health page and adapters' greetings say. A test keeps it equal to package.json. */
export const PRODUCT = 'Entrepot';
export const VERSION = '0.1.0';
