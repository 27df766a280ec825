import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Member } from '../../chaos/member.ts'

const member = (script: string, env: Readonly<Record<string, string>> = {}): Member => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-member-'))
  const made = new Member({
    name: 'it',
    args: ['-e', script],
    env,
    cwd: folder,
    outputFile: join(folder, 'output.log')
  })
  onTestFinished(async () => {
    await made.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  return made
}

const stays = 'setInterval(() => undefined, 1e6); console.log("up")'
const waitMsMax = 60_000

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('a process of the lab', () => {
  test('that ends by itself is a fault of the run', async () => {
    const it = member('process.exit(3)')
    it.start()
    await expect.poll(() => it.unexpectedEnds).toEqual(['it ended by itself (exit code 3)'])
  })

  test('that is killed by others is one as well', async () => {
    const it = member('process.kill(process.pid, "SIGKILL")')
    it.start()
    await expect.poll(() => it.unexpectedEnds).toEqual(['it ended by itself (SIGKILL)'])
  })

  test('that is asked to end, or killed by the run, is none', async () => {
    const it = member(stays)
    it.start()
    await it.matching(/up/, waitMsMax)
    expect(await it.end('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' })
    it.start()
    await it.matching(/up/, waitMsMax)
    await it.kill()
    expect(it.isRunning).toBe(false)
    expect(it.unexpectedEnds).toEqual([])
    expect(it.output).toBe('up\nup\n')
  })

  test('killed while it is paused, it is gone', async () => {
    const it = member(stays)
    it.start()
    await it.matching(/up/, waitMsMax)
    it.pause()
    await it.kill()
    expect(it.isRunning).toBe(false)
  })

  test('sees no settings but its own', async () => {
    process.env['K2_FROM_OUTSIDE'] = 'x'
    onTestFinished(() => {
      delete process.env['K2_FROM_OUTSIDE']
    })
    const names = 'Object.keys(process.env).filter((name) => name.startsWith("K2_"))'
    const it = member(`console.log(${names}.join())`, { K2_OWN: '1' })
    it.start()
    expect(await it.matching(/^(K2.*)$/m, waitMsMax)).toMatchObject({ 1: 'K2_OWN' })
    await it.end('SIGTERM')
  })

  test('that ends before it wrote what is waited for says where to look', async () => {
    const it = member('console.log("down")')
    it.start()
    await expect(it.matching(/up/, waitMsMax)).rejects.toThrow(/it ended before .*output\.log/)
  })

  test('ends with the process that started it, also paused', async () => {
    const project = resolve(import.meta.dirname, '..', '..')
    const folder = mkdtempSync(join(tmpdir(), 'k2-member-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const program = `
      import { Member } from '${project}/chaos/member.ts'
      const args = ['-e', 'setInterval(() => undefined, 1e6); console.log(process.pid)']
      const outputFile = '${join(folder, 'output.log')}'
      const it = new Member({ name: 'it', args, env: {}, cwd: '${folder}', outputFile })
      it.start()
      const [pid] = await it.matching(/^\\d+$/m, ${waitMsMax})
      it.pause()
      console.log(pid)
      process.exit(0)`
    const command = ['--import', 'tsx', '--input-type=module', '-e', program]
    const pid = execFileSync(process.execPath, command, { cwd: project, encoding: 'utf8' }).trim()
    expect(pid).toMatch(/^\d+$/)
    await expect.poll(() => isAlive(Number(pid))).toBe(false)
  })

  test('one that was never started can be ended', async () => {
    await member(stays).kill()
  })
})
