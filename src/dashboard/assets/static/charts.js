/**
 * Draws the charts of a page with uPlot, from the JSON that stands beside each. Colours are those of the legend, which
 * the style sheet gives it, so that light and dark need nothing here but to be drawn again.
 */
import { written } from './credits.js'

/**
 * What charts.tsx writes: a value for each day in each series, in credits.
 * @typedef {{ days: string[], series: { name: string, values: (number | null)[] }[] }} ChartData
 */

const STYLES = '/static/vendor/uPlot.min.css'
/** So that the highest value does not touch the frame. */
const HEADROOM = 1.08
const LABEL_SPACE_PX = 64
const LABEL_HEIGHT_PX = 30
const PX_PER_CHARACTER = 7.5
const AXIS_PADDING_PX = 18

/**
 * How to draw each place again with what stands beside it by now.
 * @type {WeakMap<Element, () => void>}
 */
const drawnAgain = new WeakMap()

/** @type {Promise<unknown> | undefined} */
let styles
for (const place of document.querySelectorAll('[data-chart]')) void show(place)

document.addEventListener('chart', (event) => {
  if (event instanceof CustomEvent && event.target instanceof Element) update(event.target, event.detail)
})

/**
 * Puts a newer card in the place of an older one. Where both have a chart it is drawn again, and its table stays open.
 * @param {Element} card
 * @param {Element} fresh
 */
function update(card, fresh) {
  const [place, newPlace] = [card.querySelector('[data-chart]'), fresh.querySelector('[data-chart]')]
  if (place === null || newPlace === null) {
    if (place === newPlace) return
    card.replaceWith(fresh)
    if (newPlace !== null) void show(newPlace)
    return
  }
  if (jsonOf(place) === jsonOf(newPlace)) return
  for (const part of ['script', '.legend']) {
    const newPart = newPlace.querySelector(part)
    if (newPart !== null) place.querySelector(part)?.replaceWith(newPart)
  }
  const table = fresh.querySelector('table')
  if (table !== null) card.querySelector('table')?.replaceWith(table)
  drawnAgain.get(place)?.()
}

function styled() {
  styles ??= new Promise((resolve) => {
    const link = document.createElement('link')
    link.rel = 'stylesheet'
    link.href = STYLES
    link.addEventListener('load', resolve)
    document.head.append(link)
  })
  return styles
}

/** @param {Element} place */
function jsonOf(place) {
  return place.querySelector('script')?.textContent ?? ''
}

/** @param {Element} place */
async function show(place) {
  await styled()
  const plot = place.querySelector('.plot')
  if (!(plot instanceof HTMLElement) || !(place instanceof HTMLElement)) return
  const drawNow = () => draw(place, plot, JSON.parse(jsonOf(place)))
  let chart = drawNow()
  const again = () => {
    chart.destroy()
    chart = drawNow()
  }
  drawnAgain.set(place, again)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again)
  new ResizeObserver(() => {
    if (plot.clientWidth !== chart.width) chart.setSize({ width: plot.clientWidth, height: plot.clientHeight })
  }).observe(plot)
}

/**
 * @param {HTMLElement} place
 * @param {HTMLElement} plot
 * @param {ChartData} data
 */
function draw(place, plot, data) {
  const { days, series } = data
  const isBars = place.dataset['chart'] === 'bars'
  const hues = [...place.querySelectorAll('.swatch')].map((swatch) => getComputedStyle(swatch).backgroundColor)
  const drawn = series.map(({ name, values }, index) => ({
    values: isBars ? stackedUpTo(series, index) : values,
    options: isBars
      ? barOptions(name, hues[index] ?? '')
      : lineOptions(name, hues[index] ?? '', index === 0, isLonely(values)),
  }))
  // The whole stack first, and what is lower in front of it.
  if (isBars) drawn.reverse()
  return new uPlot(
    {
      width: plot.clientWidth,
      height: plot.clientHeight,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: !isBars, size: 8 } },
      scales: {
        x: { time: false, range: () => [-0.5, days.length - 0.5] },
        y: { range: (_, __, highest) => [0, Math.max(1, highest * HEADROOM)] },
      },
      axes: axes(place, days),
      series: [{}, ...drawn.map(({ options }) => options)],
      hooks: { setCursor: [(chart) => readOut(place, data, chart.cursor.idx)] },
    },
    [days.map((_, index) => index), ...drawn.map(({ values }) => values)],
    plot,
  )
}

/**
 * The sum of a series and all below it. A correction can make a day's sum negative; a bar cannot be.
 * @param {ChartData['series']} series
 * @param {number} last
 */
function stackedUpTo(series, last) {
  const below = series.slice(0, last + 1)
  return (below[0]?.values ?? []).map((_, day) =>
    below.reduce((sum, { values }) => sum + Math.max(0, values[day] ?? 0), 0),
  )
}

/** @returns {uPlot.Series} */
function barOptions(/** @type {string} */ label, /** @type {string} */ hue) {
  const paths = uPlot.paths.bars?.({ size: [0.7, 22], radius: 0.1 })
  return { label, fill: hue, width: 0, points: { show: false }, ...(paths === undefined ? {} : { paths }) }
}

/** @returns {uPlot.Series} */
function lineOptions(
  /** @type {string} */ label,
  /** @type {string} */ hue,
  /** @type {boolean} */ isFirst,
  /** @type {boolean} */ isPoint,
) {
  const points = { show: isPoint, size: 7, stroke: hue, fill: hue }
  return { label, stroke: hue, width: 2, points, ...(isFirst ? {} : { dash: [4, 4] }) }
}

/** On an account's first day there is no line to draw yet, but there is a point. */
function isLonely(/** @type {(number | null)[]} */ values) {
  return values.filter((value) => value !== null).length < 2
}

/**
 * @param {HTMLElement} place
 * @param {string[]} days
 * @returns {uPlot.Axis[]}
 */
function axes(place, days) {
  const { color, fontFamily } = getComputedStyle(place)
  const line = getComputedStyle(place).borderTopColor
  const font = `12px ${fontFamily}`
  const common = { stroke: color, font, ticks: { show: false } }
  return [
    {
      ...common,
      grid: { show: false },
      size: LABEL_HEIGHT_PX,
      space: LABEL_SPACE_PX,
      incrs: [1, 2, 3, 5, 7, 10, 14, 30, 60, 90, 180],
      // Without the year, which is the same or known.
      values: (_, splits) => splits.map((split) => days[split]?.replace(/, \d+$/, '') ?? ''),
    },
    {
      ...common,
      grid: { stroke: line, width: 1 },
      values: (_, splits) => splits.map((split) => written(split)),
      size: (_, values) =>
        AXIS_PADDING_PX + PX_PER_CHARACTER * Math.max(1, ...(values ?? []).map((each) => each.length)),
    },
  ]
}

/**
 * The numbers of the day that is pointed at.
 * @param {HTMLElement} place
 * @param {ChartData} data
 * @param {number | null | undefined} day
 */
function readOut(place, { days, series }, day) {
  const line = place.querySelector('.readout')
  if (line === null) return
  if (day === null || day === undefined) {
    line.textContent = ''
    return
  }
  const told = series
    .map(({ name, values }) => ({ name, value: values[day] }))
    .filter(({ value }) => value !== null && value !== undefined && value !== 0)
    .map(({ name, value }) => `${name} ${written(value ?? 0)}`)
  line.textContent = `${days[day]}: ${told.length === 0 ? 'nothing' : told.join(', ')}`
}
