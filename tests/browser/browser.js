// What every browser test uses: a page in headless Chromium that can reach this
// machine and nothing else, and axe's verdict on what the page shows.
import { createRequire } from 'node:module'
import { accessSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const require = createRequire(import.meta.url)
const { source: axe } = require('axe-core')

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
    args: ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--no-proxy-server'],
  })
}

/**
 * What axe finds wrong with the page, one line a finding; [] when it is in order.
 * axe goes in around the page's content security policy, which stays in force
 * for the page itself.
 */
export async function accessibilityFindings(page) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  )
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target }) => `${id}: ${help} (${target.join(' ')})`),
  )
}
