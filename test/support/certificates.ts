/** A certificate for loopback that nobody but its holder has signed. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export const hasOpenssl = (() => {
  try {
    return execFileSync('openssl', ['version']).length > 0
  } catch {
    return false
  }
})()

export interface Certificate {
  /** PEM. */
  readonly key: string
  readonly cert: string
  /** Path of the certificate, which is its own authority. */
  readonly caFile: string
}

/** Its file goes with the test. */
export const selfSigned = (): Certificate => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-tls-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const [keyFile, caFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2']
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const files = ['-keyout', keyFile, '-out', caFile]
  execFileSync('openssl', [...request, ...subject, ...files], { stdio: 'ignore' })
  return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(caFile, 'utf8'), caFile }
}
