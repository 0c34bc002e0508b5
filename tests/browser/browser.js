// What every browser test uses: a page in headless Chromium that can reach this
// machine and nothing else, what goes wrong on it, and axe's verdict on what it shows.
import { createRequire } from 'node:module'
import { accessSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const require = createRequire(import.meta.url)
const { source: axe } = require('axe-core')

export const PHONE = { width: 390, height: 844 }
export const DESK = { width: 1200, height: 900 }

/** The Chromium that tests/tools/setup found. */
export function chromiumPath() {
  const path = process.env.CHROMIUM ?? fileURLToPath(new URL('../../.tools/bin/chromium', import.meta.url))
  try {
    accessSync(path)
  } catch {
    throw new Error(`no Chromium at ${path}: run tests/tools/setup`)
  }
  return path
}

/** Starts Chromium. The caller closes it. */
export function launch() {
  return chromium.launch({
    executablePath: chromiumPath(),
    // Chromium's own sandbox does not start for root.
    chromiumSandbox: process.getuid?.() !== 0,
    args: [
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
      '--no-proxy-server',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/**
 * A fresh page that keeps count of its troubles: errors and warnings on the console (a violation of the
 * content security policy is one), exceptions, dialogs, and requests to anywhere but `origin` and those `allowed`.
 *
 * Chromium reports a page that is answered with 4xx as an error too. `expected` lists such statuses.
 */
export async function openPage(browser, origin, { expected = [], allowed = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: PHONE, javaScriptEnabled: false, ...options })
  const page = await context.newPage()
  const troubles = []
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return
    const status = Number(message.text().match(/^Failed to load resource: .* status of (\d+)/)?.[1])
    if (expected.includes(status) && message.location().url === page.url()) return
    troubles.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => troubles.push(`exception: ${error.message}`))
  page.on('dialog', async (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`)
    await dialog.dismiss()
  })
  context.on('request', (request) => {
    const url = new URL(request.url())
    if (![origin, ...allowed].includes(url.origin) && url.protocol !== 'data:') troubles.push(`request: ${request.url()}`)
  })
  return { page, troubles, close: () => context.close() }
}

/**
 * What axe finds wrong with the page, one line a finding; [] when it is in order.
 * axe goes in around the page's content security policy, which stays in force
 * for the page itself.
 */
export async function accessibilityFindings(page, rules = AXE_RULES) {
  await page.evaluate(axe)
  // A frame is looked into where the test does so: axe can't enter one without scripts.
  const { violations } = await page.evaluate(
    (runOnly) => globalThis.axe.run(document, { runOnly, iframes: false }),
    rules,
  )
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target }) => `${id}: ${help} (${target.join(' ')})`),
  )
}

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
const AXE_RULES = [...WCAG, 'best-practice']
/** For what is not a whole page, such as a mail. */
export const AXE_RULES_OF_A_PART = WCAG

/** How far the page is wider than the window. */
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
}

const LOOKS = ['light', 'dark'].flatMap((colorScheme) => [PHONE, DESK].map((viewport) => ({ colorScheme, viewport })))

/** What is wrong with what is shown now, in every look. */
export async function wrongWith(page, name, rules) {
  const wrong = []
  for (const { colorScheme, viewport } of LOOKS) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize(viewport)
    const findings = await accessibilityFindings(page, rules)
    const over = await overflow(page)
    if (over > 0) findings.push(`${over} px too wide`)
    wrong.push(...findings.map((what) => `${name}, ${colorScheme}, ${viewport.width} px: ${what}`))
  }
  return wrong
}
