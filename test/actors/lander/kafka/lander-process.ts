/** One lander of a group in a process of its own: argument is a TopicLanding, events are lines. */
import * as Effect from 'effect/Effect'
import { landTopic, type TopicLanding } from './topic-landing.ts'

const landing = JSON.parse(process.argv[2] ?? '') as Omit<TopicLanding, 'observe' | 'onLander'>

const running = Effect.runFork(
  landTopic({
    ...landing,
    observe: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
    onLander: (lander) => {
      process.on('SIGTERM', () => Effect.runSync(lander.finish))
    }
  })
)
running.addObserver((exit) => {
  process.exitCode = exit._tag === 'Success' ? 0 : 1
})
