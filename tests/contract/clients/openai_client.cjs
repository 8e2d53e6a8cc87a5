// What OpenAI's Node client makes of a server: the same as openai_client.py does.

const fs = require("node:fs");
const OpenAI = require("openai");

const [url, key, sound, target] = process.argv.slice(2);

const HI = [{ role: "user", content: "Hi" }];
const SPOKEN = { modalities: ["text", "audio"], audio: { voice: "alloy", format: "pcm16" } };
const STREAM = { stream: true, stream_options: { include_usage: true } };
const ERRORS = {
  unknown: "nobody",
  invalid: "invalid",
  busy: "busy",
  broken: "broken",
  silent: "silent",
  unreachable: "unreachable",
};

async function main() {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 30000 });
  const bare = client.withOptions({ baseURL: url });
  const told = {
    version: require("openai/version").VERSION,
    written: await written(client),
    "written without /v1": await written(bare),
    heard: await heard(client),
    spoken: await spoken(client),
    streamed: await streamed(client),
    "streamed by the helper": await streamedByTheHelper(client),
    transcribed: await each(["json", "text", "srt", "vtt"], (form) => transcribed(client, form)),
    timed: await timed(client),
    translated: (await client.audio.translations.create({ model: "voice", file: recording() })).text,
    said: await said(client),
    models: await ids(client),
    "models without /v1": await ids(bare),
    model: (await client.models.retrieve("voice")).id,
    errors: await each(Object.keys(ERRORS), (name) => failure(client, ERRORS[name])),
    "wrong key": await failure(client.withOptions({ apiKey: "sk-wrong" }), "voice"),
    cut: await cut(client),
    retried: await failure(client.withOptions({ maxRetries: 2 }), "flaky"),
  };
  process.stdout.write(JSON.stringify(told));
}

async function each(names, ask) {
  const told = {};
  for (const name of names) told[name] = await ask(name);
  return told;
}

function recording() {
  return fs.createReadStream(sound);
}

async function written(client) {
  const completion = await client.chat.completions.create({ model: "voice", messages: HI });
  const choice = completion.choices[0];
  return [choice.message.content, choice.finish_reason, completion.usage.total_tokens];
}

async function heard(client) {
  const input_audio = { data: fs.readFileSync(sound).toString("base64"), format: "wav" };
  const messages = [{ role: "user", content: [{ type: "input_audio", input_audio }] }];
  return (await client.chat.completions.create({ model: "voice", messages })).choices[0].message.content;
}

async function spoken(client) {
  const completion = await client.chat.completions.create({ model: "speaking", messages: HI, ...SPOKEN });
  const message = completion.choices[0].message;
  return [message.content, message.audio.id, message.audio.transcript, message.audio.data];
}

async function streamed(client) {
  const stream = await client.chat.completions.create({ model: "speaking", messages: HI, ...STREAM, ...SPOKEN });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const choices = chunks.flatMap((chunk) => chunk.choices);
  const sounds = choices.map((choice) => choice.delta.audio).filter(Boolean);
  return {
    ids: [...new Set(sounds.map((audio) => audio.id).filter(Boolean))],
    transcript: sounds.map((audio) => audio.transcript ?? "").join(""),
    data: sounds.map((audio) => audio.data ?? "").join(""),
    finish_reasons: choices.map((choice) => choice.finish_reason).filter(Boolean),
    tokens: chunks.filter((chunk) => chunk.usage).map((chunk) => chunk.usage.total_tokens),
  };
}

async function streamedByTheHelper(client) {
  const stream = client.chat.completions.stream({ model: "speaking", messages: HI, ...STREAM, ...SPOKEN });
  const completion = await stream.finalChatCompletion();
  const { message, finish_reason } = completion.choices[0];
  return {
    ids: [message.audio.id],
    transcript: message.audio.transcript,
    data: message.audio.data,
    finish_reasons: [finish_reason],
    tokens: [completion.usage.total_tokens],
  };
}

async function transcribed(client, response_format) {
  const answer = await client.audio.transcriptions.create({ model: "voice", file: recording(), response_format });
  return typeof answer === "string" ? answer : answer.text;
}

async function timed(client) {
  const answer = await client.audio.transcriptions.create({
    model: "voice",
    file: recording(),
    response_format: "verbose_json",
    timestamp_granularities: ["segment"],
  });
  return [answer.text, answer.segments.length];
}

async function said(client) {
  const response = await client.audio.speech.create({
    model: "voice",
    voice: "alloy",
    input: "Hi",
    response_format: "wav",
  });
  fs.writeFileSync(target, Buffer.from(await response.arrayBuffer()));
  return response.headers.get("content-type");
}

async function ids(client) {
  const found = [];
  for await (const model of client.models.list()) found.push(model.id);
  return found;
}

async function failure(client, model) {
  try {
    await client.chat.completions.create({ model, messages: HI });
  } catch (error) {
    return {
      class: error.constructor.name,
      status: error.status,
      code: error.code,
      type: error.type,
      "retry after": error.headers.get("retry-after"),
      "request id": error.requestID,
    };
  }
  return null;
}

// What is thrown for a stream that the model's server breaks off, after how many chunks.
async function cut(client) {
  let count = 0;
  try {
    const stream = await client.chat.completions.create({ model: "cut", messages: HI, stream: true });
    for await (const _ of stream) count += 1;
  } catch (error) {
    return [error.constructor.name, count];
  }
  return null;
}

main();
