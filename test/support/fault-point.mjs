/**
 * Loaded into K2 by `--import`: kills the process at one step of a commit, from outside of its
 * code, which knows nothing of it. `FAULT_POINT` is `<table>/<step>/<before|after>/<n>`: the n-th
 * time that the step of this table's commits begins, or has ended as its caller would see it.
 *
 * A step is recognised by what goes out of the process: files that are made, linked or synced,
 * requests to the object store and the catalog, and the request of Kafka that commits an offset.
 */
import fs from 'node:fs'
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
syncBuiltinESMExports()

const { fetch } = globalThis
globalThis.fetch = async (input, init) => {
  const url = input instanceof Request ? input.url : String(input)
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET')
  const isCommit = method === 'POST' && new URL(url).pathname.endsWith(`/tables/${table}`)
  const isSwap = isCommit && step === 'swap'
  const isPut = method === 'PUT'
  if (when === 'before' && (isSwap || (isPut && isBefore(url)))) strike()
  const response = await fetch(input, init)
  if (when === 'after' && (isSwap || (isPut && isAfter(url)))) strike()
  return response
}

/** Of Kafka's protocol: `OffsetCommit`. */
const offsetCommitKey = 8
const write = Reflect.get(net.Socket.prototype, 'write')
net.Socket.prototype.write = function (data, ...rest) {
  const isHint = step === 'offset-hint' && Buffer.isBuffer(data) && data.length > 6
  const isCommit = isHint && data.readInt16BE(4) === offsetCommitKey
  if (isCommit && when === 'before') strike()
  const result = Reflect.apply(write, this, [data, ...rest])
  // Its answer is what a caller would see as the end.
  if (isCommit && when === 'after') this.once('data', strike)
  return result
}
