/**
 * Loaded into K2 by `--import`: kills the process at one step of a commit, from outside of its
 * code, which knows nothing of it. `FAULT_POINT` is `<table>/<step>/<before|after>/<n>`: the n-th
 * time that the step of this table's commits begins, or has ended as its caller would see it.
 *
 * A step is recognised by what goes out of the process: files that are made, linked or synced,
 * requests to the object store and the catalog, and the request of Kafka that commits an offset.
 */
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'

const [table, step, when, nth] = (process.env.FAULT_POINT ?? '').split('/')
let count = 0

const strike = () => {
  count += 1
  if (count !== Number(nth)) return
  process.kill(process.pid, 'SIGKILL')
  // The signal may reach another thread first: this one goes no further.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

/** Which step what is stored under a path or address belongs to, for the table asked for. */
const stepOf = (name) => {
  const path = decodeURIComponent(name)
  if (path.includes('/_k2/')) return path.includes(`market.crypto.${table}.`) ? 'state' : ''
  if (!path.includes(`/${table}/`) && !path.includes(`.${table}/`)) return ''
  if (path.includes('/_catalog/')) return path.endsWith('.tmp') ? 'staged-swap' : 'swap'
  if (path.endsWith('.parquet')) return 'data-file'
  if (path.endsWith('.metadata.json')) return 'metadata'
  if (/\/snap-[^/]+\.avro$/.test(path)) return 'manifest-list'
  return path.endsWith('.avro') ? 'manifest' : ''
}
const isBefore = (name) => when === 'before' && stepOf(name) === step
const isAfter = (name) => when === 'after' && stepOf(name) === step

/** Files that are being written or synced, by descriptor. */
const paths = new Map()

const { openSync, closeSync, fsync, linkSync } = fs
fs.openSync = (path, flags, mode) => {
  const name = String(path)
  if ((flags === 'wx' || name.endsWith('.parquet')) && isBefore(name)) strike()
  const opened = openSync(path, flags, mode)
  paths.set(opened, name)
  return opened
}
fs.closeSync = (opened) => {
  paths.delete(opened)
  closeSync(opened)
}
fs.fsync = (opened, done) => {
  const name = paths.get(opened) ?? ''
  fsync(opened, (error) => {
    if (isAfter(name)) strike()
    done(error)
  })
}
fs.linkSync = (from, to) => {
  if (isBefore(String(to))) strike()
  linkSync(from, to)
  if (isAfter(String(to))) strike()
}

/** S3's PUT of a step, or the catalog's commit: where `swap` is one request. */
const isRequestOfStep = (method, { href, pathname }) =>
  method === 'PUT'
    ? stepOf(href) === step
    : method === 'POST' && step === 'swap' && pathname.endsWith(`/tables/${table}`)

for (const client of [http, https]) {
  const { request } = client
  client.request = (url, options, ...rest) => {
    const isStep = url instanceof URL && isRequestOfStep(options?.method, url)
    if (isStep && when === 'before') strike()
    const outgoing = request(url, options, ...rest)
    if (isStep && when === 'after')
      outgoing.once('response', (answer) => {
        // Whoever reads the answer has not come to its end yet; a refused one is no step.
        if (answer.statusCode < 300) answer.once('end', strike)
      })
    return outgoing
  }
}
syncBuiltinESMExports()

/** Of Kafka's protocol: `OffsetCommit`, told by its group from those of other tables. */
const offsetCommitKey = 8
const isHintOf = (data) =>
  Buffer.isBuffer(data) &&
  data.length > 12 &&
  data.readInt16BE(4) === offsetCommitKey &&
  data.includes(`-${table}`)

/** Calls `onAnswer` with the correlation id of every whole answer that a socket receives. */
const readAnswers = (socket, onAnswer) => {
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 8 && rest.length >= 4 + rest.readInt32BE(0)) {
      onAnswer(rest.readInt32BE(4))
      rest = rest.subarray(4 + rest.readInt32BE(0))
    }
  })
}

/** By socket to a broker: correlation ids of its `OffsetCommit`s that are not answered. */
const hinted = new WeakMap()
const write = Reflect.get(net.Socket.prototype, 'write')
if (step === 'offset-hint')
  net.Socket.prototype.write = function (data, ...rest) {
    if (!hinted.has(this)) {
      const awaited = new Set()
      hinted.set(this, awaited)
      // An answer's listeners run before whoever awaits it.
      if (Buffer.isBuffer(data))
        readAnswers(this, (id) => {
          if (awaited.delete(id)) strike()
        })
    }
    if (isHintOf(data)) {
      if (when === 'before') strike()
      else hinted.get(this).add(data.readInt32BE(8))
    }
    return Reflect.apply(write, this, [data, ...rest])
  }
