// Makes the pictures of the documentation, from a Handrail that runs: node tests/browser/pictures.js
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { launch, openPage } from './browser.js'
import { startHandrail } from './handrail.js'

const FOLDER = fileURLToPath(new URL('../../docs/pictures/', import.meta.url))

const WIDTH = 430
/** Finer than the screen, so that the words stay sharp, and still small to load. */
const SCALE = 1.2

const REFUND = {
  action: 'Refund order 48213 to the customer’s card',
  context: [
    'Mara Lind: wrong size, twice.',
    'Size M is sold out until December.',
    'Over 50 EUR a person decides.',
  ].join('\n'),
  amount: 84,
  urgency: 'high',
  timeout_minutes: 45,
  approver: 'ana@shop.example',
}

const [handrail, browser] = await Promise.all([startHandrail(), launch()])
try {
  await mkdir(FOLDER, { recursive: true })
  const support = await handrail.agent({ name: 'Support agent', backup_approver: 'tom@shop.example' })
  const release = await handrail.agent({ name: 'Release agent' })
  const books = await handrail.agent({ name: 'Bookkeeping agent' })
  await handrail.ask({ action: 'Pay invoice 2206 from Nordholz Paper: 1,240.00 EUR', approver: 'tom@shop.example' }, books)
  await handrail.advance(11 * 60)
  await handrail.ask({ action: 'Roll out version 4.12 to all shops', approver: 'ana@shop.example', urgency: 'critical' }, release)
  await handrail.advance(4 * 60)
  const refund = await handrail.ask(REFUND, support)

  await picture('ask.png', refund.page, { colorScheme: 'light' })
  await picture('ask-dark.png', refund.page, { colorScheme: 'dark' })
  await picture('mailbox.png', `${handrail.origin}/local/mail`, { viewport: { width: 900, height: 400 } })
  await picture('outcome.png', refund.page, { colorScheme: 'light' }, async (page) => {
    await page.getByLabel('Notes').fill('Please add a 10 EUR voucher.')
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByRole('heading', { level: 1, name: 'Approved' }).waitFor()
  })
} finally {
  await browser.close()
  await handrail.stop()
}

/** Takes the page without its footer. */
async function picture(name, address, options, act = async () => {}) {
  const viewport = { width: WIDTH, height: 400 }
  const { page, close } = await openPage(browser, handrail.origin, { viewport, deviceScaleFactor: SCALE, ...options })
  await page.goto(address)
  await act(page)
  const height = await page.evaluate(() => document.querySelector('footer').getBoundingClientRect().top)
  await page.screenshot({ path: `${FOLDER}${name}`, fullPage: true, clip: { x: 0, y: 0, width: page.viewportSize().width, height } })
  await close()
}
