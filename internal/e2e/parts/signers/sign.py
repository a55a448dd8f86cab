"""Signs and verifies JWTs with PyJWT or joserfc, as sign.mjs does with jose.

usage: python3 sign.py pyjwt|joserfc

Reads requests, a JSON object a line, and answers each with one:

  {"do": "sign", "alg", "key", "header", "claims"}         {"jwt"}
  {"do": "habits", "alg", "key", "header", "claims"}       {"jwts": {name: jwt}}
  {"do": "verify", "alg", "key", "audience", "jwt"}        {"claims"}

A key is a JWK or PEM. The habits are the ways in which people who use the
library write iat, and exp five minutes later. What the library refuses is
{"error": its name for that, "why"}.
"""

import json
import sys
import time
from datetime import datetime, timedelta, timezone

LIFETIME = 300


class PyJWT:
    def __init__(self):
        import jwt

        self.jwt = jwt

    def key(self, text, alg):
        if text.startswith("{"):
            return self.jwt.PyJWK.from_json(text, algorithm=alg).key
        return text

    def sign(self, alg, key, header, claims):
        return self.jwt.encode(claims, self.key(key, alg), algorithm=alg, headers=header)

    def verify(self, alg, key, audience, token):
        return self.jwt.decode(token, self.key(key, alg), algorithms=[alg], audience=audience)


class Joserfc:
    def __init__(self):
        from joserfc import jwk, jwt

        self.jwk, self.jwt = jwk, jwt

    def key(self, text, alg):
        if text.startswith("{"):
            return self.jwk.import_key(json.loads(text))
        kinds = {"ES": self.jwk.ECKey, "Ed": self.jwk.OKPKey}
        return kinds.get(alg[:2], self.jwk.RSAKey).import_key(text)

    def sign(self, alg, key, header, claims):
        return self.jwt.encode({"alg": alg, **header}, claims, self.key(key, alg), algorithms=[alg])

    def verify(self, alg, key, audience, token):
        decoded = self.jwt.decode(token, self.key(key, alg), algorithms=[alg])
        registry = self.jwt.JWTClaimsRegistry(aud={"essential": True, "value": audience})
        registry.validate(decoded.claims)
        return decoded.claims


def answer(library, do, request):
    if do == "sign":
        return {"jwt": library.sign(**request)}
    if do == "habits":
        now, seconds = datetime.now(timezone.utc), time.time()
        times = {
            "datetime": {"iat": now, "exp": now + timedelta(seconds=LIFETIME)},
            "float": {"iat": seconds, "exp": seconds + LIFETIME},
            "int": {"iat": int(seconds), "exp": int(seconds) + LIFETIME},
        }
        claims = request.pop("claims")
        return {"jwts": {name: library.sign(claims={**claims, **t}, **request) for name, t in times.items()}}
    if do == "verify":
        return {"claims": library.verify(token=request.pop("jwt"), **request)}
    raise ValueError("do: is none of sign, habits, verify")


def main():
    library = {"pyjwt": PyJWT, "joserfc": Joserfc}[sys.argv[1]]()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answered = answer(library, request.pop("do"), request)
        except Exception as refused:
            answered = {"error": type(refused).__name__, "why": str(refused)}
        print(json.dumps(answered), flush=True)


main()
