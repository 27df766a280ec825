/** What every figure gets. */
import type { Workspace } from './workspace.ts'

export interface BenchContext {
  readonly workspace: Workspace
  readonly runs: number
  readonly seconds: number
  /** Folder for CPU profiles, or undefined. */
  readonly profile: string | undefined
  /** Tells the person who waits. */
  readonly progress: (text: string) => void
  /** Waits, within its bound, for a quiet machine; says so where it did not become quiet. */
  readonly settle: () => Promise<void>
  /** Data folder of a verified run of `throughput`, for figures about reading. */
  tradesFolder: string | undefined
  /** Of the table that queries are measured on; undefined: as many as the bars are of. */
  readonly tableRows: number | undefined
}

/** Flags of a Node whose threads are to be profiled. */
export const profileFlags = ({ profile }: Pick<BenchContext, 'profile'>): readonly string[] =>
  profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
