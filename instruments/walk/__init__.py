"""Image walk: small pictures destroyed and rebuilt by a text-to-image network, every part of it open."""
