/** The backup as its users make it, of a real run: minutes long, part of `npm run ci:full`. */
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { withoutSettings } from '../../chaos/without-settings.ts'
import { problemOf } from '../../demo/present/backup-files.ts'
import { screenshots, videoFile } from '../../demo/show/material.ts'
import { areServicesRequired } from '../support/kafka/kafka-stack.ts'

const testMsMax = 1_200_000
const projectRoot = resolve(import.meta.dirname, '..', '..')

interface Manifest {
  readonly videoSeconds: number
  readonly steps: readonly { readonly step: string; readonly ms: number }[]
  readonly files: readonly { readonly name: string; readonly sha256: string }[]
}

const backedUp = (out: string): Promise<number | null> =>
  new Promise((done) => {
    const entry = join(projectRoot, 'demo', 'backup', 'main.ts')
    const flags = ['--fast', '--install', '--seed', '7', '--out', out]
    const child = spawn(process.execPath, ['--import', 'tsx', entry, ...flags], {
      cwd: projectRoot,
      stdio: 'inherit',
      env: withoutSettings(process.env)
    })
    onTestFinished(() => void child.kill('SIGTERM'))
    child.once('close', done)
  })

describe.skipIf(!areServicesRequired)('the backup', () => {
  test(
    'has a picture of each step, a video that is as long as the run, and what it says it has',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'k2-backup-test-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      const out = join(folder, 'backup')
      expect(await backedUp(out)).toBe(0)
      const bytesOf = (name: string) => readFileSync(join(out, name))
      const manifest = JSON.parse(bytesOf('backup.json').toString()) as Manifest
      const named = manifest.files.map(({ name }) => name)
      expect(named.toSorted()).toEqual(
        readdirSync(out).filter((name) => name !== 'backup.json').toSorted()
      )
      for (const { name, sha256 } of manifest.files) {
        expect(createHash('sha256').update(bytesOf(name)).digest('hex')).toBe(sha256)
        if (!name.endsWith('.md')) expect(problemOf(name, bytesOf(name))).toBeUndefined()
      }
      for (const { file } of screenshots) {
        const png = bytesOf(file)
        // Width and height, PNG specification 11.2.2.
        expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1_920, 1_080])
      }
      const asked = ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0']
      const streams = execFileSync('ffprobe', [...asked, join(out, videoFile)], {
        encoding: 'utf8'
      })
      expect(streams.trim().split('\n')).toEqual(['h264', 'mov_text'])
      const ranSeconds = manifest.steps.reduce((sum, { ms }) => sum + ms, 0) / 1_000
      expect(manifest.videoSeconds).toBeGreaterThan(ranSeconds)
      expect(manifest.steps.map(({ step }) => step)).toEqual(screenshots.map(({ step }) => step.id))
    },
    testMsMax
  )
})
