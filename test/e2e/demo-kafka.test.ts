/** The demonstration with Kafka, which is killed in it: minutes long, part of `npm run ci:full`. */
import { describe, expect, test } from 'vitest'
import { startDemo } from '../support/demo-process.ts'
import { areServicesRequired } from '../support/kafka/kafka-stack.ts'

const testMsMax = 1_200_000

describe.skipIf(!areServicesRequired)('the demonstration with Kafka', () => {
  test(
    'Kafka is killed in the flood, and every promise holds',
    async () => {
      const demo = startDemo('--fast', '--seed', '3')
      expect(await demo.ended(testMsMax), demo.output()).toBe(0)
      const page = demo.report()
      expect(page).toContain('Every promise held')
      expect(page).toContain('kill -9 of Kafka')
      expect(page).toContain('Tier 1 keeps flowing while Kafka is dead')
      expect(page).not.toContain('class="badge not-tried"')
    },
    testMsMax
  )
})
