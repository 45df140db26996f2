import type { Language } from "./server";

/** A scrap of subtitles for each target language, made of what the demo server knows. */
export const SAMPLE: Record<Language, string> = {
  zh: `1
00:00:01,000 --> 00:00:03,000
Hello, world!

2
00:00:03,500 --> 00:00:06,000
Good morning. How are you?

3
00:00:06,500 --> 00:00:09,000
Thank you very much.
`,
  en: `1
00:00:01,000 --> 00:00:03,000
你好，世界！

2
00:00:03,500 --> 00:00:06,000
早上好。你好吗？

3
00:00:06,500 --> 00:00:09,000
非常感谢。
`,
};
