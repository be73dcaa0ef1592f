/** Whether memory grows: by the slope of a line through all samples, not by the difference of two. */

export interface Sample {
  readonly atMs: number
  readonly value: number
}

export interface MemorySample {
  readonly atMs: number
  readonly liveMb: number
  readonly residentMb: number
}

export interface Growth {
  /** Of what our code keeps alive; what it keeps of every command shows here. */
  readonly liveBytesPerCommand: number
  /** Of the whole process: of what is outside of any heap, too. */
  readonly residentMbPerMinute: number
  readonly violations: readonly string[]
}

/** An id of 40 characters that is kept in a set takes more. */
const MAX_LIVE_BYTES_PER_COMMAND = 50
/** In an hour this would be as much again as a Worker may have at most. */
const MAX_RESIDENT_MB_PER_MINUTE = 2
/** What is shorter shows caches that fill, and says nothing of growth. */
const MIN_MS_FOR_VERDICT = 10 * 60_000
const BYTES_PER_MB = 1_048_576
const MINUTE_MS = 60_000

/** Over the second half: in the first, code and caches become warm. */
export function growthOf(samples: readonly MemorySample[], forMs: number, commands: number): Growth {
  const half = samples.slice(Math.floor(samples.length / 2))
  const perMinute = (of: 'liveMb' | 'residentMb') =>
    slopePerMinute(half.map((sample) => ({ atMs: sample.atMs, value: sample[of] })))
  const commandsPerMinute = Math.max(1, (commands / forMs) * MINUTE_MS)
  const liveBytesPerCommand = (perMinute('liveMb') * BYTES_PER_MB) / commandsPerMinute
  const residentMbPerMinute = perMinute('residentMb')
  const violations: string[] = []
  if (liveBytesPerCommand > MAX_LIVE_BYTES_PER_COMMAND) {
    violations.push(`each command leaves ${liveBytesPerCommand.toFixed(0)} bytes alive`)
  }
  if (residentMbPerMinute > MAX_RESIDENT_MB_PER_MINUTE) {
    violations.push(`workerd grows by ${residentMbPerMinute.toFixed(2)} MB a minute`)
  }
  return { liveBytesPerCommand, residentMbPerMinute, violations: forMs < MIN_MS_FOR_VERDICT ? [] : violations }
}

/** Least squares; per minute. 0 for fewer samples than make a line. */
export function slopePerMinute(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, each) => sum + of(each), 0) / samples.length
  const [at, value] = [mean((each) => each.atMs), mean((each) => each.value)]
  const spread = mean((each) => (each.atMs - at) ** 2)
  if (samples.length < 2 || spread === 0) return 0
  return (mean((each) => (each.atMs - at) * (each.value - value)) / spread) * MINUTE_MS
}
