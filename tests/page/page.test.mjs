// The status page in Chromium: a failover clicked through at both widths, without JavaScript, with 300 resources, and axe.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { Pair, until } from './pair.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };
const SHOTS = process.env.SHOTS;

let browser;
let pair;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  pair = new Pair(['smsc-1', 'hlr-proxy', 'billing']);
  await pair.startApplications();
  await until(async () => (await pair.status(0)).summary.protected === 3);
});

after(async () => {
  await browser?.close();
  await pair?.end();
});

async function open(url, options = {}) {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, context, complaints };
}

const shot = (page, name) => SHOTS && page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
const card = (page, name) => page.locator('article', { has: page.getByRole('heading', { name, exact: true }) });

// axe runs in a world of its own: the page's policy forbids it to be put into the page.
async function isAccessible(page) {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send('Page.getFrameTree');
  const { executionContextId } = await session.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id });
  const expression = `${axe}; axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`
    + '.then((found) => JSON.stringify(found.violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html, failureSummary }) => html + failureSummary)])))';
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    expression, contextId: executionContextId, awaitPromise: true, returnByValue: true,
  });
  assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
  assert.deepEqual(JSON.parse(result.value), []);
}

async function fitsIn(page) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${content} pixels of content in a window of ${window}`);
}

// Clicks, confirms, and waits until the page says by itself that the other side is hot.
async function switches(page, { side, name, label, button }) {
  await card(page, name).getByRole('link', { name: label }).first().click();
  await page.getByRole('heading', { level: 2 }).waitFor();
  await page.getByRole('button', { name: button }).click();
  await page.getByText(/ordered\./).waitFor();
  await until(async () => {
    const { resources } = await pair.status(side);
    return resources.find((one) => one.name === name).service === 'protected'
      && resources.find((one) => one.name === name).state === (button.test('Take over') ? 'hot' : 'standby');
  });
}

for (const [width, viewport] of [['1280', WIDE], ['390', NARROW]]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`a failover and back, ${width} pixels wide, ${colorScheme}`, async () => {
      const { page, context, complaints } = await open(pair.url(0), { viewport, colorScheme });
      await shot(page, `calm-${width}-${colorScheme}`);
      await isAccessible(page);
      await fitsIn(page);
      await card(page, 'smsc-1').getByRole('link', { name: /Switch to/ }).click();
      await shot(page, `question-${width}-${colorScheme}`);
      await isAccessible(page);
      await page.goBack();
      await switches(page, { side: 0, name: 'smsc-1', label: /Switch to/, button: /Switch to/ });
      // The script has exchanged the card, and the order is still told.
      await card(page, 'smsc-1').locator('.here .state', { hasText: 'standby' }).waitFor();
      await card(page, 'smsc-1').locator('.verdict', { hasText: /^\s*✓\s*protected/ }).waitFor();
      await page.getByText('Failover of smsc-1: ordered.').waitFor();
      await isAccessible(page);
      await shot(page, `switched-${width}-${colorScheme}`);
      // What is open stays open while the page is exchanged.
      await card(page, 'smsc-1').locator('summary').click();
      const clock = await page.locator('.facts').textContent();
      await until(async () => (await page.locator('.facts').textContent()) !== clock);
      assert.ok(await card(page, 'smsc-1').locator('details').evaluate((details) => details.open));
      await isAccessible(page);
      await shot(page, `open-${width}-${colorScheme}`);
      await fitsIn(page);
      await switches(page, { side: 0, name: 'smsc-1', label: /Take over/, button: /Take over/ });
      await page.getByRole('link', { name: 'History', exact: true }).click();
      await page.getByText(/failover of smsc-1: ordered/).first().waitFor();
      await isAccessible(page);
      await fitsIn(page);
      await shot(page, `history-${width}-${colorScheme}`);
      assert.deepEqual(complaints, []);
      await context.close();
    });
  }
}

test('what is being pressed is not exchanged', async () => {
  const { page, context } = await open(pair.url(0));
  const clock = await page.locator('.facts').textContent();
  await card(page, 'billing').locator('summary').hover();
  await page.mouse.down();
  // Twice the time after which the page is exchanged.
  await page.waitForTimeout(2500);
  await page.mouse.up();
  assert.ok(await card(page, 'billing').locator('details').evaluate((details) => details.open));
  await until(async () => (await page.locator('.facts').textContent()) !== clock);
  assert.ok(await card(page, 'billing').locator('details').evaluate((details) => details.open));
  await context.close();
});

test('everything works without JavaScript', async () => {
  const { page, context } = await open(pair.url(0), { javaScriptEnabled: false });
  await switches(page, { side: 0, name: 'hlr-proxy', label: /Switch to/, button: /Switch to/ });
  await page.getByRole('link', { name: 'Back to the status' }).click();
  await card(page, 'hlr-proxy').locator('.here .state', { hasText: 'standby' }).waitFor();
  await switches(page, { side: 0, name: 'hlr-proxy', label: /Take over/, button: /Take over/ });
  assert.equal(await page.locator('noscript meta, meta[http-equiv]').count(), 1);
  await context.close();
});

test('a freeze is asked for, shown on both sides, and ended', async () => {
  const { page, context } = await open(pair.url(0));
  await card(page, 'billing').locator('summary').click();
  await card(page, 'billing').getByRole('link', { name: 'Freeze…' }).click();
  await page.getByLabel('Reason').fill('kernel <b>');
  await isAccessible(page);
  await page.getByRole('button', { name: 'Freeze' }).click();
  await card(page, 'billing').getByText(/frozen for another .*kernel <b>/).waitFor();
  await isAccessible(page);
  const other = await open(pair.url(1));
  await card(other.page, 'billing').getByText(/frozen for another/).waitFor();
  await card(page, 'billing').locator('summary').click();
  await card(page, 'billing').getByRole('link', { name: 'Thaw…' }).click();
  await page.getByRole('button', { name: 'Thaw' }).click();
  await until(async () => (await pair.status(1)).resources.every((one) => one.frozen === null));
  await context.close();
  await other.context.close();
});

test('a failure is told in words, first, with its reason, on both sides', async () => {
  pair.kill(0, 'billing');
  await until(async () => (await pair.status(1)).resources.find((one) => one.name === 'billing').state === 'hot');
  for (const [number, width, viewport] of [[0, '1280', WIDE], [1, '1280b', WIDE], [1, '390', NARROW]]) {
    const { page, context } = await open(pair.url(number), { viewport });
    await page.locator('.warnings', { hasText: /billing\s+is not protected/ }).waitFor();
    await page.getByText(/signal 9/).first().waitFor();
    assert.equal(await page.locator('article h2').first().textContent(), 'billing');
    await isAccessible(page);
    await fitsIn(page);
    await shot(page, `failed-${width}`);
    await context.close();
  }
});

test('three hundred resources: found by name, by keyboard, without a reload', async () => {
  const many = new Pair(['smsc-1', 'billing'], 298);
  try {
    await many.startApplications();
    await until(async () => (await many.status(0)).summary.protected === 2);
    for (const [width, viewport] of [['1280', WIDE], ['390', NARROW]]) {
      const { page, context, complaints } = await open(many.url(0), { viewport });
      assert.equal(await page.locator('article').count(), 300);
      await fitsIn(page);
      if (SHOTS) await page.screenshot({ path: `${SHOTS}/many-${width}.png` });
      await page.getByLabel('Name contains').fill('IDLE-29');
      await until(async () => (await page.locator('article').count()) === 9);
      assert.ok(page.url().endsWith('?find=IDLE-29'), page.url());
      await isAccessible(page);
      await page.getByLabel('Name contains').fill('smsc');
      await until(async () => (await page.locator('article').count()) === 1);
      const focused = () => page.evaluate(() => document.activeElement.textContent);
      for (let tabs = 0; tabs < 20 && !/Switch to/.test(await focused()); tabs++) await page.keyboard.press('Tab');
      assert.match(await focused(), /Switch to/);
      // The focus stays where it is while the page is exchanged.
      const clock = await page.locator('.facts').textContent();
      await until(async () => (await page.locator('.facts').textContent()) !== clock);
      assert.match(await focused(), /Switch to/);
      assert.deepEqual(complaints, []);
      await context.close();
    }
  } finally {
    await many.end();
  }
});

test('a daemon that is gone is told', async () => {
  const { page, context } = await open(pair.url(1));
  pair.children[1].kill('SIGKILL');
  await page.getByText(/the daemon does not answer/).waitFor({ timeout: 30_000 });
  await context.close();
});
