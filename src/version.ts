/** Name and version of the product, as `--version`, the health page and adapters' greetings say them. A test keeps it equal to package.json. */
export const PRODUCT = 'Entrepot';
export const VERSION = '0.1.0';
