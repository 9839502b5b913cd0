// Makes a photo small enough for a slow line: upright, at most 1,600 pixels, about 250 KB, and nothing in it but the picture.

const LONG_SIDE = 1600;
const ENOUGH = 250 * 1024;
// Each try is smaller than the one before; the last one is taken as it is.
const TRIES = [
  [1, 0.6],
  [1, 0.42],
  [0.75, 0.4],
];

let turn = Promise.resolve();

// One at a time: two pictures of twelve megapixels at once are too much for a small phone.
export function startPhotoWorker() {
  self.onmessage = ({ data: { id, file } }) => {
    turn = turn.then(async () => {
      try {
        const bytes = await shrink(file);
        self.postMessage({ id, bytes }, [bytes]);
      } catch {
        self.postMessage({ id });
      }
    });
  };
}

async function shrink(file) {
  const picture = await decode(file);
  const [width, height] = [picture.displayWidth ?? picture.width, picture.displayHeight ?? picture.height];
  const scale = Math.min(1, LONG_SIDE / Math.max(width, height));
  try {
    let blob;
    for (const [share, quality] of TRIES) {
      blob = await encode(picture, Math.round(width * scale * share), Math.round(height * scale * share), quality);
      if (blob.size <= ENOUGH) break;
    }
    // A browser that cannot make what was asked for makes something else without a word.
    if (blob.type !== "image/jpeg") throw new Error(blob.type);
    return await blob.arrayBuffer();
  } finally {
    picture.close();
  }
}

/** A decoder that need not hold all pixels of a large picture at once, where there is one. */
async function decode(file) {
  if (self.ImageDecoder && (await ImageDecoder.isTypeSupported(file.type).catch(() => false))) {
    try {
      const decoder = new ImageDecoder({ data: await file.arrayBuffer(), type: file.type, preferAnimation: false });
      const { image } = await decoder.decode({ completeFramesOnly: true });
      return image;
    } catch {
      // The other way may still read it.
    }
  }
  return createImageBitmap(file, { imageOrientation: "from-image" });
}

function encode(picture, width, height, quality) {
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d", { alpha: false });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, width, height);
  return canvas.convertToBlob({ type: "image/jpeg", quality });
}
