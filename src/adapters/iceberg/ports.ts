/**
 * What the Iceberg writer and planner need from the outside. Everything the commit protocol touches
 * goes through these ports, so that a simulation runs this very code over simulated files, catalog,
 * clock and ids (R32).
 *
 * Locations are absolute URIs (`file:///…`), as Iceberg metadata before format v4 requires.
 */
import type * as Effect from 'effect/Effect'
import type { TableUnreadable } from './errors.ts'
import type { Snapshot, TableMetadata } from './metadata.ts'
import type { IcebergSchema } from './schema.ts'

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
  /** Removing what is absent is success. */
  readonly remove: (location: string) => Effect.Effect<void, FilesFault>
  /** Names (not locations) directly under a directory; an absent directory is empty. */
  readonly list: (directory: string) => Effect.Effect<readonly string[], FilesFault>
  /** Bytes, or null where nothing is stored. */
  readonly size: (location: string) => Effect.Effect<number | null, FilesFault>
}

/** A store that can also give a whole file its name, as pointers need it. */
export interface PublishingFiles extends Files {
  /**
   * Moves a file that is durable to another name of its directory, atomically: at every instant and
   * after any crash that name is whole or absent. Durable when it returns. Fails with `FileExists`
   * and changes nothing if the name is taken.
   */
  readonly publish: (staged: string, location: string) => Effect.Effect<void, FilesFault>
}

export interface TableIdentifier {
  readonly namespace: string
  readonly name: string
}

/** A table's metadata at one point of its history, and where it is stored. */
export interface TableVersion {
  /** Location of the metadata file. */
  readonly location: string
  readonly metadata: TableMetadata
}

/** A new head of main, and what goes with it, to be committed as one. */
export interface TableCommit {
  /** What it builds on: it conflicts if main has another head by now. */
  readonly base: TableVersion
  readonly snapshot: Snapshot
  /** Snapshots that leave the table, oldest first. */
  readonly expired: readonly Snapshot[]
  /** Table properties after the commit. */
  readonly properties: Readonly<Record<string, string>>
  /** A UUID of this attempt's own. */
  readonly uuid: string
}

/** Another schema in the place of the current one. */
export interface SchemaChange {
  /** What it builds on: it conflicts if the table has changed since. */
  readonly base: TableVersion
  readonly schema: IcebergSchema
  readonly nowMs: number
  /** A UUID of this attempt's own. */
  readonly uuid: string
}

/**
 * The catalog could not say whether the commit took place. Nothing may be deleted, nothing retried
 * blindly (R19).
 */
export interface SwapUnknown {
  readonly _tag: 'SwapUnknown'
  readonly message: string
}

/** The catalog said no, for another reason than a conflict: definite, nothing took place. */
export interface CommitRefused {
  readonly _tag: 'CommitRefused'
  readonly message: string
}

/** `conflict` is definite: this commit did not and will not take place. */
export type CommitOutcome = 'conflict' | CommittedVersion

export interface CommittedVersion extends TableVersion {
  /** Metadata files that nothing names any more and that are ours to delete, oldest first. */
  readonly trimmed: readonly string[]
}

/**
 * Maps a table to its current version, and replaces that atomically: the embedded one stores
 * metadata that we write and swaps a pointer, a REST one is sent the changes and stores its own.
 */
export interface Catalog {
  /**
   * Current version, or null if there is no such table. `known` is what the caller holds: it is the
   * answer, and nothing is read, where it is current.
   */
  readonly load: (
    table: TableIdentifier,
    known: TableVersion | null
  ) => Effect.Effect<TableVersion | null, TableUnreadable>
  /**
   * Makes a table of its first metadata; the catalog may choose other ids. `conflict` if it exists.
   */
  readonly create: (
    table: TableIdentifier,
    first: { readonly metadata: TableMetadata; readonly uuid: string }
  ) => Effect.Effect<'created' | 'conflict', TableUnreadable | SwapUnknown | CommitRefused>
  /**
   * Adds a schema and makes it the current one. `conflict`: another one is current by now, or
   * field ids have been given away, and nothing took place.
   */
  readonly evolve: (
    table: TableIdentifier,
    change: SchemaChange
  ) => Effect.Effect<'evolved' | 'conflict', TableUnreadable | SwapUnknown | CommitRefused>
  /**
   * Does what can be done of a commit before the files that its snapshot names are durable. Nobody
   * sees anything of it.
   */
  readonly prepare: (
    table: TableIdentifier,
    commit: TableCommit
  ) => Effect.Effect<PreparedCommit, { readonly message: string }>
}

/** To be committed once, or discarded. */
export interface PreparedCommit {
  /** Asks for it, once all that the snapshot names is durable. Cleans up after a conflict. */
  readonly commit: Effect.Effect<CommitOutcome, SwapUnknown | CommitRefused>
  readonly discard: Effect.Effect<void>
}

interface Ids {
  /** A random (version 4) UUID in its text form. */
  readonly uuid: () => string
}

export interface IcebergEvent {
  readonly type:
    'commit.conflicted' | 'commit.merged_manifests' | 'cleanup.skipped' | 'schema.evolved'
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
