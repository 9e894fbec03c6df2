/**
 * What an emoji is called where the system's font does not have it. Fonts lack the newest ones only, so that those of the last few
 * years are enough; the names are Unicode's (CLDR). Any other is named by its code point.
 */

/** By code point. @type {Record<number, string>} */
const NAMES = {
  // Emoji 18.0
  0x1f6d9: "lighthouse", 0x1fa8b: "meteor", 0x1fa8c: "eraser", 0x1fa8d: "net with handle", 0x1facc: "monarch butterfly",
  0x1fadd: "pickle", 0x1faeb: "cracking face", 0x1faf9: "leftwards thumb sign", 0x1fafa: "rightwards thumb sign",
  // Emoji 17.0
  0x1f6d8: "landslide", 0x1fa8a: "trombone", 0x1fa8e: "treasure chest", 0x1fac8: "hairy creature", 0x1facd: "orca",
  0x1faea: "distorted face", 0x1faef: "fight cloud",
  // Emoji 16.0
  0x1fa89: "harp", 0x1fa8f: "shovel", 0x1fabe: "leafless tree", 0x1fac6: "fingerprint", 0x1fadc: "root vegetable",
  0x1fadf: "splatter", 0x1fae9: "face with bags under eyes",
  // Emoji 15.0
  0x1f6dc: "wireless", 0x1fa75: "light blue heart", 0x1fa76: "grey heart", 0x1fa77: "pink heart", 0x1fa87: "maracas",
  0x1fa88: "flute", 0x1faad: "folding hand fan", 0x1faae: "hair pick", 0x1faaf: "khanda", 0x1fabb: "hyacinth",
  0x1fabc: "jellyfish", 0x1fabd: "wing", 0x1fabf: "goose", 0x1face: "moose", 0x1facf: "donkey", 0x1fada: "ginger root",
  0x1fadb: "pea pod", 0x1fae8: "shaking face", 0x1faf7: "leftwards pushing hand", 0x1faf8: "rightwards pushing hand",
  // Emoji 14.0
  0x1f6dd: "playground slide", 0x1f6de: "wheel", 0x1f6df: "ring buoy", 0x1f7f0: "heavy equals sign",
  0x1f979: "face holding back tears", 0x1f9cc: "troll", 0x1fa7b: "x-ray", 0x1fa7c: "crutch", 0x1faa9: "mirror ball",
  0x1faaa: "identification card", 0x1faab: "low battery", 0x1faac: "hamsa", 0x1fab7: "lotus", 0x1fab8: "coral",
  0x1fab9: "empty nest", 0x1faba: "nest with eggs", 0x1fac3: "pregnant man", 0x1fac4: "pregnant person",
  0x1fac5: "person with crown", 0x1fad7: "pouring liquid", 0x1fad8: "beans", 0x1fad9: "jar", 0x1fae0: "melting face",
  0x1fae1: "saluting face", 0x1fae2: "face with open eyes and hand over mouth", 0x1fae3: "face with peeking eye",
  0x1fae4: "face with diagonal mouth", 0x1fae5: "dotted line face", 0x1fae6: "biting lip", 0x1fae7: "bubbles",
  0x1faf0: "hand with index finger and thumb crossed", 0x1faf1: "rightwards hand", 0x1faf2: "leftwards hand",
  0x1faf3: "palm down hand", 0x1faf4: "palm up hand", 0x1faf5: "index pointing at the viewer", 0x1faf6: "heart hands",
};

/** @param {string} emoji */
export function nameOf(emoji) {
  const codePoint = emoji.codePointAt(0) ?? 0;
  return NAMES[codePoint] ?? `U+${codePoint.toString(16).toUpperCase()}`;
}
