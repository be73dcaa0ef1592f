/** Latency against load as a picture: SVG, by hand, because it is two lines and an axis. */
import type { LatencyPoint } from './latency.ts'

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [720, 400, 64, 48, 24, 24]
const DECADES = [0.1, 1, 10, 100, 1_000]

export function picture(points: readonly LatencyPoint[]): string {
  const most = Math.max(...points.map(({ ratePerSecond }) => ratePerSecond))
  const x = (rate: number) => LEFT + (rate / most) * (WIDTH - LEFT - RIGHT)
  const [low, high] = [Math.log10(DECADES[0] ?? 1), Math.log10(DECADES.at(-1) ?? 1)]
  const y = (ms: number) => {
    const share = (Math.log10(Math.max(ms, DECADES[0] ?? 1)) - low) / (high - low)
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
  }
  const line = (of: (point: LatencyPoint) => number, color: string, name: string) => {
    const path = points.map((point) => `${x(point.ratePerSecond).toFixed(1)},${y(of(point)).toFixed(1)}`).join(' ')
    const last = points.at(-1)
    const label = last === undefined ? '' : text(x(last.ratePerSecond) - 8, y(of(last)) - 8, name, 'end', color)
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>${label}`
  }
  const grid = DECADES.map((ms) => {
    const across = `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(ms)}" y2="${y(ms)}" stroke="#ddd"/>`
    return across + text(LEFT - 8, y(ms) + 4, `${ms} ms`, 'end')
  })
  const rates = points.map(({ ratePerSecond }) =>
    text(x(ratePerSecond), HEIGHT - BOTTOM + 18, String(ratePerSecond), 'middle'),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
${grid.join('\n')}
${rates.join('\n')}
${text(WIDTH / 2, HEIGHT - 10, 'reserves sent per second, on one account', 'middle')}
${line(({ p50Ms }) => p50Ms, '#1c6dd0', 'p50')}
${line(({ p99Ms }) => p99Ms, '#c2410c', 'p99')}
</svg>
`
}

function text(x: number, y: number, what: string, anchor: 'start' | 'middle' | 'end', fill = '#444'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${fill}">${what}</text>`
}
