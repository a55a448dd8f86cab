package jwt

import (
	"errors"
	"math/big"
	"slices"
)

// The prime and the constant of edwards25519 (RFC 8032 §5.1).
var (
	edwardsP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	edwardsD = func() *big.Int { // -121665/121666
		d := new(big.Int).ModInverse(big.NewInt(121666), edwardsP)
		d.Mul(d, big.NewInt(-121665))
		return d.Mod(d, edwardsP)
	}()
)

// checkEd25519 refuses what is no point of the curve, which verifies nothing,
// and the points of small order, with which anybody can sign. crypto/ed25519
// looks for neither.
func checkEd25519(key []byte) error {
	if len(key) != 32 {
		return errors.New("is Ed25519 of another length than 32 bytes")
	}
	bytes := slices.Clone(key)
	slices.Reverse(bytes)
	sign := bytes[0] >> 7
	bytes[0] &= 0x7f
	y := new(big.Int).SetBytes(bytes)
	if y.Cmp(edwardsP) >= 0 {
		return errors.New("is Ed25519 in no canonical form")
	}
	// x² = u/v, with u = y² - 1 and v = d·y² + 1. It has a root where u·v has.
	yy := modP(new(big.Int).Mul(y, y))
	u := modP(new(big.Int).Sub(yy, big.NewInt(1)))
	v := modP(new(big.Int).Add(new(big.Int).Mul(edwardsD, yy), big.NewInt(1)))
	if big.Jacobi(modP(new(big.Int).Mul(u, v)), edwardsP) < 0 || u.Sign() == 0 && sign == 1 {
		return errors.New("is Ed25519 and no point of the curve")
	}
	// Of order 1, 2 and 4 are the points where x or y is 0; those of order 8 are
	// doubled to y = 0, where x² = -y².
	sum := modP(new(big.Int).Add(u, new(big.Int).Mul(yy, v)))
	if u.Sign() == 0 || y.Sign() == 0 || sum.Sign() == 0 {
		return errors.New("is Ed25519 of small order: anybody could sign for it")
	}
	return nil
}

func modP(n *big.Int) *big.Int { return n.Mod(n, edwardsP) }
