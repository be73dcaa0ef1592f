/** Whether something grows: the slope of a line through all samples, not the difference of two. */

export interface Sample {
  readonly atMs: number
  readonly value: number
}

/** Least squares; per minute. 0 for fewer samples than make a line. */
export function slopePerMinute(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, each) => sum + of(each), 0) / samples.length
  const [at, value] = [mean((each) => each.atMs), mean((each) => each.value)]
  const spread = mean((each) => (each.atMs - at) ** 2)
  if (samples.length < 2 || spread === 0) return 0
  return (mean((each) => (each.atMs - at) * (each.value - value)) / spread) * 60_000
}
