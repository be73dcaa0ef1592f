/**
 * Puts the charting library among the static files, from node_modules, so that pages load nothing from elsewhere.
 * Wrangler runs this before it serves or deploys ([build] in wrangler.toml), with whichever Node comes first on the
 * PATH: hence no TypeScript. What it writes is not committed.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FROM = new URL('../node_modules/uplot/dist/', import.meta.url)
const TO = new URL('../src/dashboard/assets/static/vendor/', import.meta.url)
const FILES = ['uPlot.iife.min.js', 'uPlot.min.css']

mkdirSync(TO, { recursive: true })
for (const file of FILES) {
  const text = readFileSync(new URL(file, FROM))
  const target = fileURLToPath(new URL(file, TO))
  // Written only when it differs, and then all at once: other systems may serve this folder at this moment.
  if (text.equals(contentOf(target))) continue
  const draft = `${target}.${process.pid}`
  writeFileSync(draft, text)
  renameSync(draft, target)
}

/** @param {string} path */
function contentOf(path) {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}
