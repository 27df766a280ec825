import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { LabDisk } from '../../chaos/disk.ts'

const MiB = 1_024 ** 2
const isRoot = process.platform === 'linux' && process.getuid?.() === 0

const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-disk-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A small one; who may not mount a tmpfs is told what it takes, and has none. */
const mounted = async (folder: string): Promise<LabDisk | undefined> => {
  const disk = new LabDisk(folder, 4 * MiB)
  if (isRoot) {
    await disk.mount()
    return disk
  }
  await expect(disk.mount()).rejects.toThrow('run this as root')
  return undefined
}

describe('the disk of a lab', () => {
  test('one that is not its own is never filled', async () => {
    const folder = newFolder()
    const disk = new LabDisk(folder, undefined)
    await disk.mount()
    await expect(disk.fill()).rejects.toThrow('only a disk of its own may be filled')
    await disk.free()
    await disk.unmount()
    expect(readdirSync(folder)).toEqual([])
  })

  test('filled, nothing more fits; freed, it does', async () => {
    const folder = newFolder()
    const disk = await mounted(folder)
    if (disk === undefined) return
    onTestFinished(() => disk.unmount())
    const file = join(folder, 'file')
    const write = () => writeFileSync(file, Buffer.alloc(MiB))
    await disk.fill()
    expect(write).toThrow('ENOSPC')
    await disk.fill()
    expect(write).toThrow('ENOSPC')
    await disk.free()
    await disk.free()
    write()
  })

  test('unmounted, what was on it is gone', async () => {
    const folder = newFolder()
    const disk = await mounted(folder)
    if (disk === undefined) return
    writeFileSync(join(folder, 'file'), 'x')
    await disk.unmount()
    await disk.unmount()
    expect(readdirSync(folder)).toEqual([])
  })
})
