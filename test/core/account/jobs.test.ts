/** Jobs beside each other, in plain Node: they need a clock and nothing else. */
import { expect, test } from 'vitest'
import { type Job, Jobs } from '../../../src/account/jobs.ts'
import { OneAtATime } from '../../../src/account/one-at-a-time.ts'

/** A job that is due until it was run so often, and each time goes on until it is told to end. */
function slowJob(times = 1): Job & { end(): void; runs: number } {
  let left = times
  let resolve = () => {}
  return {
    runs: 0,
    wakeAt: () => (left > 0 ? 0 : null),
    run() {
      this.runs += 1
      return new Promise<void>((done) => {
        resolve = () => {
          left -= 1
          done()
        }
      })
    },
    end: () => resolve(),
  }
}

const nothingDue = () => Promise.resolve(null)
const aMoment = () => new Promise<void>((resolve) => setImmediate(resolve))

test('an alarm lasts as long as a job of it is under way, however often it is poked', async () => {
  const job = slowJob()
  const jobs = new Jobs([job])
  let isOver = false
  const alarm = jobs.run(nothingDue).then(() => {
    isOver = true
  })
  for (let poke = 0; poke < 200; poke += 1) {
    jobs.poke()
    await aMoment()
  }
  expect(isOver).toBe(false)
  expect(jobs.wakeAt()).toBeNull()
  // Were all of this lost now, an alarm would have to bring it back.
  expect(jobs.dueAt()).toBeGreaterThan(Date.now())
  job.end()
  await alarm
  expect(job.runs).toBe(1)
})

test('what falls due while a job is under way is done on time', async () => {
  const job = slowJob()
  const jobs = new Jobs([job])
  const done: number[] = []
  const dueAt = Date.now() + 20
  const alarm = jobs.run(async () => {
    if (Date.now() < dueAt) return dueAt
    done.push(Date.now())
    return null
  })
  await expect.poll(() => done.length, { interval: 1 }).toBe(1)
  expect(job.runs).toBe(1)
  job.end()
  await alarm
})

test('a slow job keeps no other waiting', async () => {
  const [slow, quick] = [slowJob(), slowJob()]
  const alarm = new Jobs([slow, quick]).run(nothingDue)
  await expect.poll(() => quick.runs, { interval: 1 }).toBe(1)
  quick.end()
  await aMoment()
  slow.end()
  await alarm
  expect([slow.runs, quick.runs]).toEqual([1, 1])
})

test('one that reads elsewhere never writes an older reading after a newer one', async () => {
  const queue = new OneAtATime<number>()
  let elsewhere = 0
  const written: number[] = []
  const sync = () =>
    queue.run('payment', async () => {
      const reading = elsewhere
      await aMoment()
      written.push(reading)
      return reading
    })
  const first = sync()
  elsewhere = 1
  const [second, third] = [sync(), sync()]
  // Whoever came after the change reads after it; those who wait share one reading.
  expect(await Promise.all([first, second, third])).toEqual([0, 1, 1])
  expect(written).toEqual([0, 1])
})
