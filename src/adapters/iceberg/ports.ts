/**
 * What the Iceberg writer and planner need from the outside. Everything the commit protocol touches
 * goes through these ports, so that a simulation runs this very code over simulated files, catalog,
 * clock and ids (R32).
 *
 * Locations are absolute URIs (`file:///…`), as Iceberg metadata before format v4 requires.
 */
import type * as Effect from 'effect/Effect'

/** Why a file operation failed; adapters' own tagged errors fit structurally. */
export interface FilesFault {
  readonly _tag: 'FileMissing' | 'FileExists' | 'FileFailed'
  readonly location: string
  readonly message: string
}

/** An immutable-file store. */
export interface Files {
  /** Fails with `FileMissing` where nothing is stored. */
  readonly read: (location: string) => Effect.Effect<Uint8Array, FilesFault>
  /**
   * Durable when it returns: content and directory entry survive a power cut. Fails with
   * `FileExists` and changes nothing if the name is taken. After a crash in between, the name may
   * hold part of the content, so callers use a name that nothing refers to before this has
   * returned.
   */
  readonly writeNew: (location: string, bytes: Uint8Array) => Effect.Effect<void, FilesFault>
  /**
   * Moves a file that is durable to another name of its directory, atomically: at every instant and
   * after any crash that name is whole or absent. Durable when it returns. Fails with `FileExists`
   * and changes nothing if the name is taken.
   */
  readonly publish: (staged: string, location: string) => Effect.Effect<void, FilesFault>
  /** Removing what is absent is success. */
  readonly remove: (location: string) => Effect.Effect<void, FilesFault>
  /** Names (not locations) directly under a directory; an absent directory is empty. */
  readonly list: (directory: string) => Effect.Effect<readonly string[], FilesFault>
  /** Bytes, or null where nothing is stored. */
  readonly size: (location: string) => Effect.Effect<number | null, FilesFault>
}

export interface TableIdentifier {
  readonly namespace: string
  readonly name: string
}

/**
 * The catalog could not say whether the swap took place. Nothing may be deleted, nothing retried
 * blindly (R19).
 */
export interface SwapUnknown {
  readonly _tag: 'SwapUnknown'
  readonly message: string
}

/** Maps a table to its current metadata file, and swaps it atomically. */
export interface Catalog {
  /** Location of the current metadata file, or null if there is no such table. */
  readonly load: (table: TableIdentifier) => Effect.Effect<string | null, FilesFault>
  /** Registers a new table; `conflict` if it exists. */
  readonly create: (table: TableIdentifier, next: string) => Effect.Effect<SwapOutcome, SwapUnknown>
  /**
   * Does what can be done of a swap of `expected` for `next` before the files that `next` names are
   * durable. Nobody sees anything of it.
   */
  readonly prepareSwap: (
    table: TableIdentifier,
    expected: string,
    next: string
  ) => Effect.Effect<PreparedSwap, FilesFault>
}

/** To be swapped once, or discarded. */
export interface PreparedSwap {
  /** `conflict` is definite: this swap did not and will not take place. */
  readonly swap: Effect.Effect<SwapOutcome, SwapUnknown>
  readonly discard: Effect.Effect<void>
}

export type SwapOutcome = 'swapped' | 'conflict'

interface Ids {
  /** A random (version 4) UUID in its text form. */
  readonly uuid: () => string
}

export interface IcebergEvent {
  readonly type: 'commit.conflicted' | 'commit.merged_manifests' | 'cleanup.skipped'
  readonly table: string
  readonly count: number
  readonly reason?: string
}

export interface IcebergPorts {
  readonly files: Files
  readonly catalog: Catalog
  readonly ids: Ids
  /** Milliseconds since 1970, UTC. */
  readonly clockMs: () => number
  readonly observe?: (event: IcebergEvent) => void
}

/** `market.trades`. */
export const tableName = (table: TableIdentifier): string => `${table.namespace}.${table.name}`
