import { defineConfig } from 'vite';

export default defineConfig({
  base: '/graphql/',
  logLevel: 'error',
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    rollupOptions: { input: ['index.html', 'docs.html'] },
    // A font in a data: address is more than the page's policy allows.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
