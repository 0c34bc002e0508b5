// One Handrail and one browser for a test file: importing this begins them before its tests and ends them after.
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { launch, openPage } from './browser.js'
import { startHandrail } from './handrail.js'

export let handrail, browser

before(async () => {
  ;[handrail, browser] = await Promise.all([startHandrail(), launch()])
})

after(async () => {
  await browser?.close()
  await handrail?.stop()
})

/** Opens a page, and fails when anything went wrong on it by the end. */
export async function visit(options, act) {
  const { page, troubles, close } = await openPage(browser, handrail.origin, options)
  try {
    await act(page)
    assert.deepEqual(troubles, [])
  } finally {
    await close()
  }
}

export const button = (page, name) => page.getByRole('button', { name })

/** The one heading that says what the page is. */
export async function expectHeading(page, text) {
  await page.getByRole('heading', { level: 1, name: text, exact: true }).waitFor()
  assert.equal(await page.locator('h1').count(), 1)
}
