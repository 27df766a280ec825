import { defineConfig } from 'vitest/config'

export default defineConfig({
  // xstate's development build warns about events sent to stopped actors; production drops them silently.
  ssr: { resolve: { conditions: ['development'] } },
  test: {
    include: ['test/**/*.test.ts'],
    server: { deps: { inline: ['xstate'] } },
    testTimeout: 30_000
  }
})
