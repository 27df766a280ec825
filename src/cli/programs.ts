/**
 * Programs that are commands of `k2` as well: each reads its arguments itself, and `--help` of it
 * explains them. `scripts/k2.mjs` starts them as it starts everything else.
 */
export interface Program {
  readonly name: string
  /** One line. */
  readonly about: string
  /** In the repository. */
  readonly entry: string
  readonly examples: readonly string[]
  /** Whether settings of K2 are flags of it; not, unless told. */
  readonly takesSettings?: boolean
}

export const programs: readonly Program[] = [
  {
    name: 'start',
    about: 'Run K2, as npm start does.',
    entry: 'src/main.ts',
    takesSettings: true,
    examples: ['npm run k2 -- start', 'npm run k2 -- start --data-dir .k2-binance --feeds binance']
  },
  {
    name: 'exchange',
    about: 'Run a simulated exchange, as npm run exchange does.',
    entry: 'src/cli/exchange.ts',
    examples: ['npm run k2 -- exchange --port 9443 --rate 1000']
  },
  {
    name: 'demo',
    about: 'Show K2 fail and come back, as npm run demo does.',
    entry: 'demo/main.ts',
    examples: ['npm run k2 -- demo --embedded']
  },
  {
    name: 'present',
    about: 'Drive the demonstration on stage, as npm run present does.',
    entry: 'demo/present/main.ts',
    examples: ['npm run k2 -- present']
  },
  {
    name: 'rehearse',
    about: 'Rehearse the demonstration against the clock, as npm run rehearse does.',
    entry: 'demo/rehearse/main.ts',
    examples: ['npm run k2 -- rehearse --fast']
  },
  {
    name: 'backup',
    about: 'Record the demonstration to fall back on, as npm run backup does.',
    entry: 'demo/backup/main.ts',
    examples: ['npm run k2 -- backup']
  },
  {
    name: 'chaos',
    about: 'Break K2 and judge what is left, as npm run chaos does.',
    entry: 'chaos/main.ts',
    examples: ['npm run k2 -- chaos broker-kill --strikes 3']
  },
  {
    name: 'bench',
    about: 'Measure the figures of the README, as npm run bench does.',
    entry: 'bench/run.ts',
    examples: ['npm run k2 -- bench --only commits']
  }
]
