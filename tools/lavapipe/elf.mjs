// Reads and adapts shared libraries (64-bit little-endian ELF) for setup.sh.
//
//   node elf.mjs lower-glibc FILE       lets FILE, linked against glibc 2.38, load on older ones; prints the major
//                                       version of the LLVM that it needs
//   node elf.mjs record FOLDER VERSION  prints FOLDER's driver.json: what runtime/node/software-driver.ts must load,
//                                       in which order
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SECTION = { dynamic: 6, symbols: 11, versionNeeds: 0x6ffffffe, versions: 0x6fffffff };
const DT_NEEDED = 1;

/** The parts of a library that say what it imports. */
export class SharedLibrary {
  constructor(path) {
    this.path = path;
    this.bytes = readFileSync(path);
    if (this.bytes.toString('latin1', 0, 6) !== '\x7fELF\x02\x01')
      throw new Error(`${path}: not a 64-bit little-endian ELF file`);
    const table = this.u64(40);
    const entrySize = this.u16(58);
    this.sections = Array.from({ length: this.u16(60) }, (_, i) => {
      const at = table + i * entrySize;
      return {
        type: this.u32(at + 4),
        offset: this.u64(at + 24),
        size: this.u64(at + 32),
        link: this.u32(at + 40),
        info: this.u32(at + 44),
      };
    });
    this.strings = this.sections[this.section(SECTION.dynamic).link].offset;
  }

  u16(at) {
    return this.bytes.readUInt16LE(at);
  }
  u32(at) {
    return this.bytes.readUInt32LE(at);
  }
  u64(at) {
    return Number(this.bytes.readBigUInt64LE(at));
  }
  text(offset) {
    const start = this.strings + offset;
    return this.bytes.toString('latin1', start, this.bytes.indexOf(0, start));
  }
  section(type) {
    const found = this.sections.find((section) => section.type === type);
    if (!found) throw new Error(`${this.path}: has no section of type ${type}`);
    return found;
  }

  /** Names of the libraries that this one is linked against. */
  needed() {
    const { offset, size } = this.section(SECTION.dynamic);
    const names = [];
    for (let at = offset; at < offset + size; at += 16)
      if (this.u64(at) === DT_NEEDED) names.push(this.text(this.u64(at + 8)));
    return names;
  }

  /** Versions required of `library`: version name -> where its record lies, and the index that symbols carry. */
  requiredVersions(library) {
    const { offset, info: count } = this.section(SECTION.versionNeeds);
    const versions = new Map();
    for (let i = 0, need = offset; i < count; i++, need += this.u32(need + 12)) {
      if (this.text(this.u32(need + 4)) !== library) continue;
      for (let j = 0, at = need + this.u32(need + 8); j < this.u16(need + 2); j++, at += this.u32(at + 12))
        versions.set(this.text(this.u32(at + 8)), { at, index: this.u16(at + 6) });
    }
    return versions;
  }
}

/**
 * glibc 2.38 gave strtol, sscanf and their kin C23 versions named __isoc23_*, which differ in accepting "0b1". Each
 * import of __isoc23_NAME@GLIBC_2.38 becomes NAME@GLIBC_2.2.5: the symbol's name offset moves on by the nine letters,
 * its version index changes, and the version record that nothing uses any more repeats GLIBC_2.2.5.
 */
export function lowerGlibc(library) {
  const { bytes } = library;
  const versions = library.requiredVersions('libc.so.6');
  for (const name of versions.keys())
    if (/^GLIBC_2\.(3[79]|[4-9]\d)$/.test(name)) throw new Error(`${library.path}: needs ${name}`);
  const from = versions.get('GLIBC_2.38');
  const to = versions.get('GLIBC_2.2.5');
  if (!from) return false;
  if (!to) throw new Error(`${library.path}: imports nothing of GLIBC_2.2.5`);
  const symbols = library.section(SECTION.symbols);
  const indices = library.section(SECTION.versions);
  for (let i = 0; i < symbols.size / 24; i++) {
    const symbol = symbols.offset + i * 24;
    const index = indices.offset + i * 2;
    if (library.u16(index) !== from.index) continue;
    const name = library.text(library.u32(symbol));
    if (!name.startsWith('__isoc23_')) throw new Error(`${library.path}: needs ${name} of GLIBC_2.38`);
    bytes.writeUInt32LE(library.u32(symbol) + '__isoc23_'.length, symbol);
    bytes.writeUInt16LE(to.index, index);
  }
  bytes.writeUInt32LE(library.u32(to.at), from.at); // hash of the name
  bytes.writeUInt32LE(library.u32(to.at + 8), from.at + 8); // the name
  return true;
}

/** Files of `folder`/lib that `name` needs, directly or not, each after its own needs; `name` itself is left out. */
export function dependencies(folder, name) {
  const order = [];
  const seen = new Set();
  const visit = (file) => {
    for (const needed of new SharedLibrary(join(folder, 'lib', file)).needed()) {
      if (seen.has(needed) || !existsSync(join(folder, 'lib', needed))) continue; // the system's
      seen.add(needed);
      visit(needed);
      order.push(needed);
    }
  };
  visit(name);
  return order;
}

function main([command, path, version]) {
  if (command === 'lower-glibc' && path) {
    const library = new SharedLibrary(path);
    if (lowerGlibc(library)) writeFileSync(path, library.bytes);
    const llvm = library.needed().map((name) => /^libLLVM(?:\.so\.|-)(\d+)/.exec(name)?.[1]);
    const major = llvm.find((found) => found !== undefined);
    if (!major) throw new Error(`${path}: needs no libLLVM, so it is no lavapipe driver`);
    console.log(major);
  } else if (command === 'record' && path && version) {
    const libraries = dependencies(path, 'libvulkan_lvp.so').map((name) => `lib/${name}`);
    const record = { driver: 'lavapipe', version, manifest: 'lvp_icd.json', loader: 'lib/libvulkan.so.1', libraries };
    console.log(JSON.stringify(record, null, 2));
  } else {
    console.error('usage: elf.mjs lower-glibc FILE | record FOLDER VERSION');
    process.exitCode = 2;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
