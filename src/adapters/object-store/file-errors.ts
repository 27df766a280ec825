/** Why a file of a store could not be had; the tags are those that the users of a store know. */
import * as Schema from 'effect/Schema'

/** Nothing is stored under this name. */
export class FileMissing extends Schema.TaggedError<FileMissing>()('FileMissing', {
  location: Schema.String
}) {
  override get message() {
    return `${this.location} does not exist`
  }
}

/** The name is taken. */
export class FileExists extends Schema.TaggedError<FileExists>()('FileExists', {
  location: Schema.String
}) {
  override get message() {
    return `${this.location} exists already and is never overwritten`
  }
}

/** The disk refused: full, read-only, no permission, broken. */
export class FileFailed extends Schema.TaggedError<FileFailed>()('FileFailed', {
  location: Schema.String,
  operation: Schema.String,
  code: Schema.String
}) {
  override get message() {
    const { operation, location, code } = this
    return `${operation} of ${location} failed (${code}); check disk space, permissions, the disk`
  }
}

/** The object store did not do it, or did not say so. */
export class ObjectFailed extends Schema.TaggedError<ObjectFailed>()('FileFailed', {
  location: Schema.String,
  operation: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    const { operation, location, detail } = this
    return `${operation} of ${location} failed: ${detail}; check K2_ICEBERG_S3_* and the server`
  }
}
