/**
 * The presenter's server: the page, the steps it executes, whether K2 is well, and the backup.
 *
 * 1. A step that runs never keeps another from running: who leaves it aborts it.
 * 2. The backup is in memory before K2 is asked for anything, and is served whatever K2 does.
 */
import { Hono } from 'hono'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { Faults } from '../show/faults.ts'
import { backupFolder } from '../show/material.ts'
import { runStep, type StepResult } from '../show/run-step.ts'
import { sections } from '../show/sections.ts'
import type { Stage } from '../show/stage.ts'
import { type Answer, figureText, type Step } from '../show/step.ts'
import { type BackupFiles, backupTypes, type Bytes, offered, readBackup } from './backup-files.ts'
import { isOwn } from './guard.ts'
import { listen, startProxy } from './proxy.ts'
import { recordedPage } from './recorded.ts'
import { K2Watch } from './watch-k2.ts'

export interface PresenterOptions {
  readonly projectRoot: string
  readonly stage: Stage
  /** 0: any free one. */
  readonly port: number
  readonly rateMs: number
  /** Where backup material is, unless in the repository's folder for it. */
  readonly backup?: string
  /** Of the last rehearsal, with when that was: shown where nothing newer was executed. */
  readonly rehearsed?: { readonly results: readonly StepResult[]; readonly date: string }
}

export interface Presenter {
  readonly url: string
  readonly backup: BackupFiles
  /** What was executed, newest by step. */
  readonly results: ReadonlyMap<string, StepResult>
  readonly run: (step: Step, signal: AbortSignal) => Promise<StepResult>
  readonly close: () => Promise<void>
}

/** What the page is told of an answer at most. */
const textMax = 12_000
const rowsMax = 40
const folder = import.meta.dirname

const pageFiles: Readonly<Record<string, readonly [path: string, type: string]>> = {
  '/': [join(folder, 'page', 'page.html'), 'text/html; charset=utf-8'],
  '/page.css': [join(folder, 'page', 'page.css'), 'text/css; charset=utf-8'],
  '/page.mjs': [join(folder, 'page', 'page.mjs'), 'text/javascript; charset=utf-8'],
  '/views.mjs': [join(folder, 'page', 'views.mjs'), 'text/javascript; charset=utf-8'],
  '/lit-html.js': [
    createRequire(import.meta.url).resolve('lit-html'),
    'text/javascript; charset=utf-8'
  ]
}

export const openPresenter = async (options: PresenterOptions): Promise<Presenter> => {
  const { projectRoot, stage, rateMs, rehearsed } = options
  const backup = await readBackup(options.backup ?? join(projectRoot, backupFolder)) // (2)
  const results = new Map<string, StepResult>()
  const earlier = new Map<string, Answer>()
  const faults = new Faults(stage)
  const run = async (step: Step, signal: AbortSignal) => {
    const context = { projectRoot, stage, faults, earlier, signal, rateMs }
    const result = await runStep(step, context)
    results.set(step.id, result)
    return result
  }
  let [port, framedBy] = [0, '']
  const watch = new K2Watch(() => stage.url)
  const proxy = await startProxy({ target: () => stage.url, framedBy: () => framedBy })
  const app = new Hono()
  app.use(async (context, next) => {
    if (isOwn(context.req.raw, port)) return next()
    return context.json({ problem: 'only the page of this presenter is answered' }, 403)
  })
  for (const [path, [file, type]] of Object.entries(pageFiles)) {
    app.get(path, async () => answer(await bytesOf(file), type, policyOf(proxy.port)))
  }
  app.get('/show', (context) => context.json(showOf({ options, backup, proxyPort: proxy.port })))
  app.get('/state', (context) => context.json({ k2: watch.now, results: [...results.keys()] }))
  app.post('/run/:step', async (context) => {
    const step = stepOf(context.req.param('step'))
    if (step === undefined) return context.json({ problem: 'there is no such step' }, 404)
    return context.json(shortened(step, await run(step, context.req.raw.signal))) // (1)
  })
  app.get('/backup/:file', (context) => {
    const name = context.req.param('file')
    const bytes = backup.files.get(name)
    if (bytes === undefined) return context.json({ problem: 'there is no such file' }, 404)
    return ranged(context.req.raw, bytes, backupTypes[extname(name)] ?? 'text/plain')
  })
  app.get('/recorded/:section', (context) => {
    const section = sections.find(({ id }) => id === context.req.param('section'))
    if (section === undefined) return context.json({ problem: 'there is no such section' }, 404)
    const { its, from } = recordedOf(section.steps, results, rehearsed)
    const page = new TextEncoder().encode(recordedPage(section, its, from))
    return answer(page, 'text/html; charset=utf-8', framedPolicy)
  })
  const served = await listen(app, options.port).catch(async (error: unknown) => {
    watch.close()
    await proxy.close()
    throw error
  })
  ;({ port } = served)
  framedBy = `http://127.0.0.1:${port}`
  return {
    url: framedBy,
    backup,
    results,
    run,
    close: async () => {
      watch.close()
      await Promise.all([served.close(), proxy.close()])
    }
  }
}

const stepOf = (id: string): Step | undefined =>
  sections.flatMap(({ steps }) => steps).find((step) => step.id === id)

interface Showing {
  readonly options: PresenterOptions
  readonly backup: BackupFiles
  readonly proxyPort: number
}

/** What the page is made of. */
const showOf = ({ options: { stage, rehearsed }, backup, proxyPort }: Showing) => ({
  k2: stage.url,
  k2Page: `http://127.0.0.1:${proxyPort}`,
  variant: stage.variant,
  rehearsedAt: rehearsed?.date ?? null,
  backupProblems: backup.problems,
  sections: sections.map(({ id, title, point, budgetSeconds, steps }) => ({
    id,
    title,
    point,
    budgetSeconds,
    material: offered(backup, id),
    steps: steps.map(({ id: step, title: name, says, columns, shows, proves, secondsMax }) => ({
      id: step, title: name, says, columns, shows, proves, secondsMax
    }))
  }))
})

/** Of this session where there is something of it, else of the last rehearsal. */
const recordedOf = (
  steps: readonly Step[],
  results: ReadonlyMap<string, StepResult>,
  rehearsed: PresenterOptions['rehearsed']
) => {
  const of = (all: readonly StepResult[]) =>
    steps.flatMap(({ id }) => all.filter((result) => result.id === id))
  const now = of([...results.values()].filter(({ problem }) => problem === undefined))
  if (now.length > 0) return { its: now, from: 'As it was executed in this session.' }
  const then = of(rehearsed?.results ?? [])
  return then.length > 0
    ? { its: then, from: `As it was executed in the rehearsal of ${rehearsed?.date ?? ''}.` }
    : { its: [], from: 'It has not been executed yet, nor rehearsed: npm run rehearse does.' }
}

/** As much of an answer as can be shown. */
const shortened = (step: Step, result: StepResult) => {
  const { answer: it, figures, ...rest } = result
  const texts = Object.fromEntries(figures.map((one) => [one.name, figureText(one)]))
  if (it === undefined) return { ...rest, texts }
  const rows = rowsOf(step, it.json)?.slice(0, rowsMax)
  const shown = { command: it.command, text: it.text.slice(0, textMax), rows }
  return { ...rest, texts, answer: shown }
}

/** Undefined where it is not laid out as a table: then its text is shown. */
const rowsOf = (step: Step, json: unknown): readonly unknown[] | undefined => {
  const { data } = (json ?? {}) as { readonly data?: unknown }
  if (step.rows === undefined) return Array.isArray(data) ? data : undefined
  try {
    return step.rows(json)
  } catch {
    return undefined
  }
}

/** Nothing from elsewhere, but K2's page, by the proxy. */
const policyOf = (proxyPort: number): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "media-src 'self'",
    "connect-src 'self'",
    `frame-src 'self' http://127.0.0.1:${proxyPort}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join('; ')

/** Of pages that stand by themselves, in a frame of ours. */
const framedPolicy =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"

/** A browser knows no packages: what scripts import of one is a file of ours. */
const bytesOf = async (file: string): Promise<Bytes> => {
  const bytes = new Uint8Array(await readFile(file))
  if (!file.endsWith('.mjs')) return bytes
  const text = new TextDecoder().decode(bytes)
  return new TextEncoder().encode(text.replace("from 'lit-html'", "from '/lit-html.js'"))
}

const answer = (body: Bytes, type: string, policy: string): Response =>
  new Response(body, {
    headers: {
      'content-type': type,
      'content-security-policy': policy,
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff'
    }
  })

/** A video is asked for in parts. */
const ranged = (request: Request, bytes: Bytes, type: string): Response => {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get('range') ?? '') ?? []
  if (from === undefined) return answer(bytes, type, framedPolicy)
  const first = Number(from)
  const last = Math.min(to === '' ? Infinity : Number(to), bytes.length - 1)
  if (first > last) return new Response(null, { status: 416 })
  return new Response(bytes.slice(first, last + 1), {
    status: 206,
    headers: {
      'content-type': type,
      'content-range': `bytes ${first}-${last}/${bytes.length}`,
      'accept-ranges': 'bytes'
    }
  })
}

