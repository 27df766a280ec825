/**
 * Immutable files in an S3 bucket, addressed as `s3://bucket/key`.
 *
 * 1. A name, once written, never changes: writing is conditional (`If-None-Match: *`).
 * 2. A write is durable when it returns: the server has answered it.
 * 3. A write whose answer was lost may have been done: where its repetition is told that the name
 *    is taken, what is stored there decides, by size and digest.
 * 4. What is read is whole: its length is the announced one, and its SHA-256 the stored one where
 *    the server keeps it.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import * as Effect from 'effect/Effect'
import { FileExists, FileMissing, ObjectFailed } from './file-errors.ts'
import {
  addressOf,
  errorCode,
  makeS3Ask,
  type S3Answer,
  type S3Ask,
  type S3Options
} from './s3-client.ts'

type S3FileError = FileMissing | FileExists | ObjectFailed

interface StoredObject {
  readonly location: string
  /** Milliseconds since 1970, UTC. */
  readonly modifiedMs: number
  readonly bytes: number
}

export interface S3Files {
  readonly read: (location: string) => Effect.Effect<Uint8Array, S3FileError>
  readonly writeNew: (location: string, bytes: Uint8Array) => Effect.Effect<void, S3FileError>
  readonly remove: (location: string) => Effect.Effect<void, S3FileError>
  readonly list: (directory: string) => Effect.Effect<readonly string[], S3FileError>
  readonly size: (location: string) => Effect.Effect<number | null, S3FileError>
  /** All that is below a directory, at any depth. */
  readonly listBelow: (
    directory: string
  ) => Effect.Effect<readonly StoredObject[], FileMissing | ObjectFailed>
  /** `writeNew` of a local file's content. */
  readonly upload: (path: string, location: string) => Effect.Effect<void, S3FileError>
  /** So many bytes into a local file, which is replaced; it is not synced. */
  readonly download: (
    location: string,
    path: string,
    bytes: number
  ) => Effect.Effect<void, S3FileError>
}

export const makeS3Files = (options: S3Options): S3Files => {
  const ask = makeS3Ask(options)
  return {
    read: (location) => read(ask, location),
    writeNew: (location, bytes) =>
      Effect.suspend(() =>
        write(ask, location, {
          content: bytes,
          bytes: bytes.length,
          sha256: createHash('sha256').update(bytes).digest(),
          md5: createHash('md5').update(bytes).digest('hex')
        })
      ),
    upload: (path, location) =>
      Effect.flatMap(describeFile(path, location), (content) => write(ask, location, content)),
    download: (location, path, bytes) => download(ask, location, { path, bytes }),
    remove: (location) =>
      ask({ operation: 'remove', method: 'DELETE', location }).pipe(
        Effect.flatMap((answer) =>
          answer.status < 300 || errorCode(answer) === 'NoSuchKey'
            ? Effect.void
            : refused('remove', location, answer)
        )
      ),
    list: (directory) =>
      Effect.map(list(ask, directory, { delimiter: '/' }), (objects) =>
        objects.map(({ location }) => location.slice(directory.length + 1))
      ),
    listBelow: (directory) => list(ask, directory, {}),
    size: (location) => Effect.map(head(ask, location), (answer) => answer?.bytes ?? null)
  }
}

const digestHeader = 'x-amz-checksum-sha256'

const refused = (
  operation: string,
  location: string,
  answer: S3Answer
): Effect.Effect<never, FileMissing | ObjectFailed> =>
  answer.status === 404 && errorCode(answer) !== 'NoSuchBucket'
    ? Effect.fail(new FileMissing({ location }))
    : Effect.fail(new ObjectFailed({ location, operation, detail: errorCode(answer) }))

const read = Effect.fnUntraced(function* (ask: S3Ask, location: string) {
  const answer = yield* ask({
    operation: 'read',
    method: 'GET',
    location,
    headers: { 'x-amz-checksum-mode': 'ENABLED' }
  })
  if (answer.status !== 200) return yield* refused('read', location, answer)
  const stored = storedDigest(answer)
  if (stored !== null && stored !== createHash('sha256').update(answer.body).digest('base64'))
    return yield* altered('read', location)
  return answer.body
})

const download = Effect.fnUntraced(function* (
  ask: S3Ask,
  location: string,
  { path, bytes }: { readonly path: string; readonly bytes: number }
) {
  const answer = yield* ask({
    operation: 'download',
    method: 'GET',
    location,
    headers: { 'x-amz-checksum-mode': 'ENABLED' },
    bytes,
    into: path
  })
  if (answer.status !== 200) yield* refused('download', location, answer)
  const received = yield* describeFile(path, location)
  if (received.bytes !== bytes) {
    const detail = `it has ${received.bytes} bytes, the table says ${bytes}`
    yield* new ObjectFailed({ location, operation: 'download', detail })
  }
  const stored = storedDigest(answer)
  if (stored !== null && stored !== received.sha256.toString('base64'))
    yield* altered('download', location)
})

/** Of the whole object; a composite one, of parts, says nothing about our bytes. */
const storedDigest = ({ headers }: S3Answer): string | null => {
  const stored = headers[digestHeader]
  return stored === undefined || stored.includes('-') ? null : stored
}

const altered = (operation: string, location: string): ObjectFailed =>
  new ObjectFailed({ location, operation, detail: 'its SHA-256 is not the stored one' })

interface Content {
  readonly content: Uint8Array | { readonly path: string; readonly bytes: number }
  readonly bytes: number
  readonly sha256: Buffer
  readonly md5: string
}

const describeFile = (path: string, location: string): Effect.Effect<Content, ObjectFailed> =>
  Effect.tryPromise({
    try: async () => {
      const { size: bytes } = await stat(path)
      const [sha256, md5] = [createHash('sha256'), createHash('md5')]
      await pipeline(createReadStream(path), async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          sha256.update(chunk)
          md5.update(chunk)
        }
      })
      const digests = { sha256: sha256.digest(), md5: md5.digest('hex') }
      return { content: { path, bytes }, bytes, ...digests }
    },
    catch: (error) =>
      new ObjectFailed({ location, operation: 'reading the local copy', detail: String(error) })
  })

const write = Effect.fnUntraced(function* (ask: S3Ask, location: string, content: Content) {
  const { sha256, bytes } = content
  const answer = yield* ask({
    operation: 'write',
    method: 'PUT',
    location,
    headers: { 'If-None-Match': '*', [digestHeader]: sha256.toString('base64') },
    body: { content: content.content, sha256 },
    bytes
  })
  if (answer.status === 200) return
  if (answer.status !== 412) yield* refused('write', location, answer)
  // (3)
  else if (!answer.mayHaveActed || !(yield* holds(ask, location, content)))
    yield* new FileExists({ location })
})

const holds = (
  ask: S3Ask,
  location: string,
  { bytes, sha256, md5 }: Content
): Effect.Effect<boolean, S3FileError> =>
  Effect.map(head(ask, location), (found) => {
    if (found === null || found.bytes !== bytes) return false
    if (found.sha256 !== null) return found.sha256 === sha256.toString('base64')
    // The tag is the MD5 unless the object is encrypted or of parts; names are unique anyhow.
    return !/^[0-9a-f]{32}$/.test(found.tag) || found.tag === md5
  })

const head = Effect.fnUntraced(function* (ask: S3Ask, location: string) {
  const answer = yield* ask({
    operation: 'look-up',
    method: 'HEAD',
    location,
    headers: { 'x-amz-checksum-mode': 'ENABLED' }
  })
  // Answers to HEAD have no body, so a missing bucket looks the same.
  if (answer.status === 404) return null
  if (answer.status !== 200) return yield* refused('look-up', location, answer)
  return {
    bytes: Number(answer.headers['content-length']),
    sha256: storedDigest(answer),
    tag: (answer.headers['etag'] ?? '').replaceAll('"', '')
  }
})

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'"
}

/** Servers differ in how they encode keys when asked to (`encoding-type`); XML is XML. */
const unescaped = (text: string): string =>
  text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(String(hex), 16))
    return entities[name] ?? whole
  })

/** ListObjectsV2, page by page, with the folder as its prefix. */
const list = Effect.fnUntraced(function* (
  ask: S3Ask,
  directory: string,
  query: Readonly<Record<string, string>>
) {
  const { bucket, key } = addressOf(directory)
  const prefix = `${key}/`
  const objects: StoredObject[] = []
  let token: string | undefined
  do {
    const answer: S3Answer = yield* ask({
      operation: 'list',
      method: 'GET',
      location: `s3://${bucket}/`,
      query: {
        ...query,
        'list-type': '2',
        prefix,
        ...(token === undefined ? {} : { 'continuation-token': token })
      }
    })
    if (answer.status !== 200) return yield* refused('list', directory, answer)
    const text = Buffer.from(answer.body).toString()
    if (!text.trimEnd().endsWith('</ListBucketResult>')) {
      const detail = 'the list of objects is unreadable'
      return yield* new ObjectFailed({ location: directory, operation: 'list', detail })
    }
    for (const [, found = ''] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
      const name = unescaped(element(found, 'Key')).slice(prefix.length)
      if (name === '') continue
      objects.push({
        location: `${directory}/${name}`,
        modifiedMs: Date.parse(element(found, 'LastModified')),
        bytes: Number(element(found, 'Size'))
      })
    }
    token = /<NextContinuationToken>([^<]+)</.exec(text)?.[1]
    token = token === undefined ? undefined : unescaped(token)
  } while (token !== undefined)
  return objects
})

const element = (text: string, name: string): string =>
  new RegExp(`<${name}>([^<]*)<`).exec(text)?.[1] ?? ''
