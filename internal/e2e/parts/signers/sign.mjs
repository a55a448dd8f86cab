// Signs and verifies JWTs with jose. Requests and answers are those of sign.py.

import { createInterface } from "node:readline";
import { SignJWT, importJWK, importPKCS8, importSPKI, jwtVerify } from "jose";

const lifetime = 300;

function importKey(text, alg) {
  if (text.startsWith("{")) return importJWK(JSON.parse(text), alg);
  return text.includes("PRIVATE KEY") ? importPKCS8(text, alg) : importSPKI(text, alg);
}

async function sign({ alg, key, header, claims }, withTimes = (jwt) => jwt) {
  const jwt = withTimes(new SignJWT(claims)).setProtectedHeader({ alg, ...header });
  return jwt.sign(await importKey(key, alg));
}

async function habits(request) {
  const now = new Date();
  const seconds = now.getTime() / 1000;
  return {
    span: await sign(request, (jwt) => jwt.setIssuedAt().setExpirationTime("5m")),
    date: await sign(request, (jwt) => jwt.setIssuedAt(now).setExpirationTime(new Date(now.getTime() + lifetime * 1000))),
    float: await sign({ ...request, claims: { ...request.claims, iat: seconds, exp: seconds + lifetime } }),
  };
}

async function verify({ alg, key, audience, jwt }) {
  const { payload } = await jwtVerify(jwt, await importKey(key, alg), { algorithms: [alg], audience });
  return payload;
}

async function answer(request) {
  switch (request.do) {
    case "sign":
      return { jwt: await sign(request) };
    case "habits":
      return { jwts: await habits(request) };
    case "verify":
      return { claims: await verify(request) };
  }
  throw new Error("do: is none of sign, habits, verify");
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answered;
  try {
    answered = await answer(request);
  } catch (refused) {
    answered = { error: refused.code || refused.name, why: refused.message };
  }
  process.stdout.write(JSON.stringify(answered) + "\n");
}
