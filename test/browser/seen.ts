/** What every page must be, whatever is on it: without serious faults for axe, and no wider than a phone, in both themes. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import chromium from '@sparticuz/chromium'
import { type Browser, type BrowserContextOptions, chromium as playwright, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const WIDTHS = [375, 1280]
const THEMES = ['light', 'dark'] as const

/** With these no test of what other sites can do would mean anything; and without them the browser is as people have it. */
const WEAK = new Set([
  '--single-process',
  '--disable-web-security',
  '--allow-running-insecure-content',
  '--disable-site-isolation-trials',
])

/** With these each page's process begins from nothing, and a graphics card made of software draws it. */
const SLOW = new Set(['--no-zygote', '--in-process-gpu', '--ignore-gpu-blocklist'])
// The pages look the same without that card: they draw in two dimensions only.
chromium.setGraphicsMode = false

/**
 * A real browser from npm alone, whose contexts are as apart as people are. Of one process, as it comes from npm, all pages send the cookies
 * of the first one with what scripts ask for, and closing one context ends them all.
 */
export function people(): { page(options?: BrowserContextOptions): Promise<Page> } {
  let browser: Browser
  beforeAll(async () => {
    const kept = chromium.args.filter((each) => !WEAK.has(each) && !SLOW.has(each))
    const args = [...kept, '--disable-gpu']
    browser = await playwright.launch({ args, executablePath: await chromium.executablePath() })
  })
  afterAll(() => browser?.close())
  return { page: async (options) => (await browser.newContext({ locale: 'en-US', ...options })).newPage() }
}

/** In a context of its own, with the visitor's cookies: a strict CSP keeps axe out, so this one alone does without. */
export async function checkPage(visited: Page, path: string): Promise<void> {
  const browser = visited.context().browser()
  if (browser === null) throw new Error('a page without a browser')
  const storageState = await visited.context().storageState()
  const context = await browser.newContext({ locale: 'en-US', bypassCSP: true, storageState })
  const page = await context.newPage()
  for (const colorScheme of THEMES) {
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme })
      await page.goto(new URL(path, visited.url()).href)
      await page.addScriptTag({ content: AXE })
      const where = `${path}, ${width} wide, ${colorScheme}`
      expect(await page.evaluate(SERIOUS), where).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth'), where).toBeLessThanOrEqual(width)
    }
  }
  await context.close()
}

const SERIOUS = `axe.run().then(({ violations }) => violations
  .filter(({ impact }) => impact === 'serious' || impact === 'critical')
  .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`
