package cli

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"credence/internal/credential"
	"credence/internal/jwt"
	"credence/internal/registry"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// signFlags say what is signed, and with which key.
type signFlags struct {
	file      string
	client    string
	issuer    string
	kid       string
	algorithm jwt.Algorithm
	audience  []string
	expiresIn time.Duration
	subject   string
	scopes    []string
	jti       string
	others    claimFlag
}

// defaultLife is how long a JWT lives that is signed to try.
const defaultLife = 5 * time.Minute

func (s *signFlags) register(flags *pflag.FlagSet) {
	s.expiresIn = defaultLife
	life := durationFlag(&s.expiresIn)
	flags.StringVar(&s.file, "from-file", "", "`FILE` with the private key, a JWK or PEM; - is standard input")
	flags.StringVar(&s.client, "client", "", "`CLIENT` that signs (iss)")
	flags.StringVar(&s.issuer, "issuer", "", "`ISSUER` that signs, where it is no client (iss)")
	flags.StringVar(&s.kid, "kid", "", "`KID` that the key is registered by; else the JWK's own kid, or its thumbprint")
	flags.Var(algorithmFlag(&s.algorithm), "alg", "algorithm to sign by, where an RSA key does not say: RS256")
	flags.Var(gather("AUDIENCE", &s.audience, ", ", func(text string) ([]string, error) { return strings.Fields(text), nil }), "audience",
		"whom it is for (aud; repeat, or separate by commas); that of jwt.audiences where there is one")
	flags.Var(life, "expires-in", "life of the JWT (default 5m)")
	flags.StringVar(&s.subject, "subject", "", "`SUBJECT` (sub)")
	flags.Var(scopesFlag(&s.scopes), "scope", `narrow it to these scopes: "orders:read orders:write"`)
	flags.StringVar(&s.jti, "jti", "", "`JTI` by which it can be revoked; random where not given")
	flags.Var(&s.others, "claim", "any claim, over what else is said (repeat); null leaves it out: 'tenant=\"north\"'")
}

// A claimFlag gathers claims whose values are JSON.
type claimFlag struct {
	values map[string]json.RawMessage
	texts  []string
}

// Set implements pflag.Value.
func (c *claimFlag) Set(text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found || name == "" {
		return errors.New("want name=JSON")
	}
	if !json.Valid([]byte(value)) {
		return fmt.Errorf(`%q is no JSON: a text wants quotes, %s`, value, shellWord(name+"="+jsonText(value)))
	}
	if c.values == nil {
		c.values = make(map[string]json.RawMessage)
	}
	c.values[name] = json.RawMessage(value)
	c.texts = append(c.texts, text)
	return nil
}

// String implements pflag.Value.
func (c *claimFlag) String() string { return strings.Join(c.texts, " ") }

// Type implements pflag.Value.
func (*claimFlag) Type() string { return claimType }

const claimType = "NAME=JSON"

func newJWTSignCommand(a *app) *cobra.Command {
	cmd := newLeaf("sign [flags]", "sign a JWT, to try it", `
Signs a JWT with a client's private key, for trying out and for scripts. The JWT alone goes to standard output. The key is read
from a file or from standard input, stays where it is, and goes nowhere; Redis is not asked. With -o json or -o yaml the JWT is
the field "jwt" beside what is in it.

It holds iss, aud, iat, exp and a random jti, and sub and scope where they are given. --claim puts any other claim into it, or
any value over one of these, so that it can be seen what is denied.`, `
credence jwt sign --client acme --from-file acme.pem --audience https://api.example.com
credence jwt sign --client acme --from-file acme.jwk.json --kid k1 --scope orders:read --expires-in 1m > acme.jwt
curl -H "Authorization: Bearer $(credence jwt sign --client acme --from-file acme.pem)" https://api.example.com/orders
credence jwt sign --client acme --from-file acme.pem --claim 'tenant="north"' --claim exp=1700000000`)
	var given signFlags
	given.register(cmd.Flags())
	completeFlag(cmd, "client", clientNames(a))
	completeFlag(cmd, "alg", algorithmWords())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := none(cmd, args); err != nil {
			return err
		}
		return a.sign(cmd, args, &given)
	}
	return cmd
}

func (a *app) sign(cmd *cobra.Command, args []string, given *signFlags) error {
	issuer, err := given.signedBy(cmd, args)
	if err != nil {
		return err
	}
	if a.output == asNames {
		return misused("%s: -o name would throw the JWT away: use -o json", pathOf(cmd))
	}
	signer, err := a.readSigner(cmd, args, given)
	if err != nil {
		return err
	}
	key, err := oneAlgorithm(cmd, args, signer.Key(), given.algorithm)
	if err != nil {
		return err
	}
	kid := given.kid
	if kid == "" && given.client != "" {
		kid = string(a.kidFor(key, ""))
	}
	claims, err := a.claimsToSign(cmd, args, given, issuer)
	if err != nil {
		return err
	}
	algorithm := key.Algorithms().List()[0]
	signed, err := signer.Sign(algorithm, cmp.Or(kid, key.ID(), key.Thumbprint()), claims)
	if err != nil {
		return err
	}
	a.handOverJWT(signed, algorithm)
	return nil
}

// signedBy gives iss: a client's id, or an issuer.
func (s *signFlags) signedBy(cmd *cobra.Command, args []string) (string, error) {
	switch {
	case s.client != "" && s.issuer != "":
		return "", misused("%s: --client or --issuer, not both", pathOf(cmd))
	case s.issuer != "":
		return s.issuer, nil
	case s.client == "":
		return "", missing(cmd, args, "client", "CLIENT")
	}
	client, err := idOf[registry.ClientID](cmd, trimKind(s.client, "client"))
	if err == nil && s.kid != "" {
		if _, bad := registry.ParseKeyID(s.kid); bad != nil {
			err = misused("%s: --kid: %v", pathOf(cmd), bad)
		}
	}
	return string(client), err
}

// readSigner reads the private key.
func (a *app) readSigner(cmd *cobra.Command, args []string, given *signFlags) (*jwt.Signer, error) {
	if given.file == "" {
		return nil, missing(cmd, args, "from-file", "FILE")
	}
	text, err := a.readFile(given.file)
	if err != nil {
		return nil, err
	}
	signer, err := jwt.ReadSigner(credential.NewSecret(string(bytes.TrimSpace(text))), jwt.AnyAlgorithm)
	if err != nil {
		return nil, misused("%s: %s: %s", pathOf(cmd), inputName(given.file), plain(err))
	}
	return signer, nil
}

// claimsToSign gives all claims, those of --claim over the others.
func (a *app) claimsToSign(cmd *cobra.Command, args []string, given *signFlags, issuer string) (map[string]any, error) {
	now := a.now()
	claims := map[string]any{
		"iss": issuer, "iat": now.Unix(), "exp": now.Add(given.expiresIn).Unix(), "jti": cmp.Or(given.jti, randomJTI()),
	}
	if given.subject != "" {
		claims["sub"] = given.subject
	}
	if len(given.scopes) > 0 {
		claims["scope"] = strings.Join(given.scopes, " ")
	}
	if _, said := given.others.values["aud"]; !said {
		audience, err := a.audienceToSign(cmd, args, given.audience)
		if err != nil {
			return nil, err
		}
		claims["aud"] = audience
	}
	for name, value := range given.others.values {
		claims[name] = value
		if string(bytes.TrimSpace(value)) == "null" {
			delete(claims, name)
		}
	}
	return claims, nil
}

// audienceToSign gives aud: what was asked for, or the only audience that the
// configuration has. One is a text, several are a list (RFC 7519 §4.1.3).
func (a *app) audienceToSign(cmd *cobra.Command, args []string, given []string) (any, error) {
	if len(given) == 0 {
		c, err := a.configuration()
		if err != nil {
			return nil, err
		}
		if given = c.JWT.Audiences; len(given) != 1 {
			return nil, missing(cmd, args, "audience", cmp.Or(strings.Join(given, ","), "AUDIENCE"))
		}
	}
	if len(given) == 1 {
		return given[0], nil
	}
	return given, nil
}

// randomJTI gives 128 random bits as text.
func randomJTI() string {
	var bits [16]byte
	_, _ = rand.Read(bits[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(bits[:])
}

// handOverJWT shows a new JWT.
func (a *app) handOverJWT(signed credential.Secret, algorithm jwt.Algorithm) {
	text := signed.Expose() // this command exists to show it
	if a.output.isTable() {
		fmt.Fprintln(a.stdout, text)
		return
	}
	peeked, _ := jwt.Peek(signed)
	d := document{"jwt", []field{{"jwt", text}, {"kid", peeked.KeyID}, {"alg", algorithm.String()}, {"claims", peeked.Payload()}}}
	writeDocument(a.stdout, a.output, d)
}
