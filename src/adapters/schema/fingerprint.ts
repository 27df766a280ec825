/**
 * CRC-64-AVRO (Rabin) fingerprint of a schema in parsing canonical form: names a schema where no
 * registry gives it an id, so that a batch means the same in every log (R42).
 * Source: Avro specification 1.11, "Schema Fingerprints".
 */

const emptyFingerprint = 0xc15d213aa4d7a795n

const table: readonly bigint[] = Array.from({ length: 256 }, (_, byte) => {
  let value = BigInt(byte)
  for (let bit = 0; bit < 8; bit++) {
    value = (value >> 1n) ^ ((value & 1n) === 1n ? emptyFingerprint : 0n)
  }
  return value
})

/** Sixteen lower-case hex digits. */
export const rabinFingerprint = (canonicalSchema: string): string => {
  let value = emptyFingerprint
  for (const byte of new TextEncoder().encode(canonicalSchema)) {
    value = (value >> 8n) ^ table[Number((value ^ BigInt(byte)) & 0xffn)]!
  }
  return value.toString(16).padStart(16, '0')
}
