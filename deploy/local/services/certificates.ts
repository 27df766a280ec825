/** A certificate authority of the stack's own, and a server certificate for loopback from it. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { debianPackage, ensureDebianPackages } from '../install/debian-packages.ts'
import { runProgram } from '../install/run-program.ts'

/** Clients trust this; it is there once the stack is up. */
export const authorityFile = (folder: string): string => join(folder, 'authority.pem')

/** Private key and certificate chain in one PEM file, as Kafka reads it. */
export const keyStoreFile = (folder: string): string => join(folder, 'server.pem')

const days = '3650'
const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'

export const ensureCertificates = async (folder: string): Promise<void> => {
  if (existsSync(keyStoreFile(folder))) return
  await ensureDebianPackages([debianPackage('openssl', '/usr/bin/openssl')])
  await mkdir(folder, { recursive: true })
  const at = (file: string) => join(folder, file)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await openssl(['req', '-x509', ...newKey, '-days', days, '-subj', '/CN=K2 local stack',
    '-keyout', at('authority.key'), '-out', authorityFile(folder)])
  await openssl(['req', ...newKey, '-subj', '/CN=localhost',
    '-keyout', at('server.key'), '-out', at('server.csr')])
  await writeFile(at('server.ext'), `${names}\n`)
  await openssl(['x509', '-req', '-in', at('server.csr'), '-days', days, '-CAcreateserial',
    '-CA', authorityFile(folder), '-CAkey', at('authority.key'),
    '-extfile', at('server.ext'), '-out', at('server.crt')])
  const parts = await Promise.all(
    [at('server.key'), at('server.crt'), authorityFile(folder)].map((file) =>
      readFile(file, 'utf8')
    )
  )
  await writeFile(keyStoreFile(folder), parts.join(''), { mode: 0o600 })
}

const openssl = async (args: readonly string[]) =>
  runProgram({ program: 'openssl', args, failure: 'certificates cannot be made' })
