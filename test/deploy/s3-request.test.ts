import { expect, test } from 'vitest'
import { signedHeaders } from '../../deploy/local/services/s3-request.ts'

test("a request is signed as in the example of S3's documentation", () => {
  const address = {
    endpoint: 'https://examplebucket.s3.amazonaws.com',
    region: 'us-east-1',
    bucket: 'examplebucket',
    accessKey: 'AKIAIOSFODNN7EXAMPLE',
    secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
  }
  const request = { method: 'GET', path: '/', query: { lifecycle: '' } } as const
  const headers = signedHeaders(address, request, new Date('2013-05-24T00:00:00Z'))
  expect(headers['authorization']).toBe(
    'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
      'SignedHeaders=host;x-amz-content-sha256;x-amz-date, ' +
      'Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'
  )
})
