// A real pair on this machine: two daemons, and an application under schrittmacher-run on each side.
import { spawn, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BIN = process.env.BIN;
let pairs = 0;

export class Pair {
  // `served` have an application on both sides, `idle` have none.
  constructor(served, idle = 0) {
    this.folder = mkdtempSync(join(tmpdir(), 'page-'));
    this.children = [];
    const unique = 10 + (process.pid % 200);
    const first = 10 * ++pairs;
    this.sides = ['a', 'b'].map((name, number) => ({
      name,
      address: `127.77.${unique}.${first + number}`,
      peer: `127.77.${unique}.${first + 1 - number}`,
      priority: 2 - number,
      file: join(this.folder, `${name}.conf`),
    }));
    for (const side of this.sides) {
      mkdirSync(join(this.folder, side.name));
      const names = [...served, ...Array.from({ length: idle }, (_, number) => `idle-${number}`)];
      const resources = names.map((name) => `group = resource\nname = ${name}\npriority = ${side.priority}\n`);
      writeFileSync(side.file, `group = core
local-address = ${side.address}
remote-address = ${side.peer}
port = 17900
http-port = 17980
heartbeat = 0.2
timeout = 2
security = legacy
run-directory = ${this.folder}/${side.name}
state-directory = ${this.folder}/${side.name}

${resources.join('\n')}`);
      this.start(join(BIN, 'schrittmacher'), [side.file]);
    }
    this.served = served;
  }

  start(program, args) {
    const child = spawn(program, args, { stdio: 'ignore', detached: true });
    this.children.push(child);
    return child;
  }

  url(number) {
    return `http://${this.sides[number].address}:17980`;
  }

  // Applications do nothing but be there.
  async startApplications() {
    await until(() => this.status(0));
    await until(() => this.status(1));
    this.applications = this.sides.map((side) => Object.fromEntries(this.served.map((name) => [name,
      this.start(join(BIN, 'schrittmacher-run'), ['--resource', name, '--config', side.file, '--recover-after', '600', '--', 'sleep', '1000'])])));
  }

  async status(number) {
    return (await fetch(this.url(number) + '/api/v1/status')).json();
  }

  ctl(number, ...args) {
    return execFileSync(join(BIN, 'schrittmacherctl'), [...args, '--config', this.sides[number].file], { encoding: 'utf8' });
  }

  // The process that schrittmacher-run has started ends.
  kill(number, name) {
    const run = this.applications[number][name].pid;
    const child = execFileSync('ps', ['-o', 'pid=', '--ppid', String(run)], { encoding: 'utf8' }).trim();
    process.kill(Number(child), 'SIGKILL');
  }

  async end() {
    for (const child of this.children.reverse()) {
      try { process.kill(-child.pid, 'SIGKILL'); } catch { /* it has ended */ }
    }
    await new Promise((done) => setTimeout(done, 200));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// Waits for a condition; what it throws counts as no. Bounded by the time of the whole test.
export async function until(condition, patience = 60_000) {
  const end = Date.now() + patience;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) { last = error; }
    if (Date.now() > end) throw new Error(`waited in vain for ${condition}${last ? `: ${last}` : ''}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}
