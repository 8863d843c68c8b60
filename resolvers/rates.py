"""Rate limits: by user, by address, and for signing in; one account for both doors."""

from uuid import UUID

from resolvers.counters import Counters
from resolvers.domain.addresses import source_of
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.rates import Policy, Reading


class Rates:
    """The limits that are set; None where there is none."""

    def __init__(
        self,
        *,
        user: Policy | None = None,
        address: Policy | None = None,
        sign_in: Policy | None = None,
        counters: Counters | None = None,
    ) -> None:
        self.user, self.address, self.sign_in = user, address, sign_in
        self.counters = counters or Counters()

    def meter(self, user_id: UUID | None, ip_address: str | None, paid: int = 0) -> "Meter":
        """Returns the meter of a request: on the user's account, or on that of the address."""
        source = source_of(ip_address)
        if user_id is None:
            return Meter(self, self.address, source, source, paid)
        return Meter(self, self.user, str(user_id), source, paid)

    async def close(self) -> None:
        await self.counters.close()


class Meter:
    """What one request has paid, under which limits, and what may be told of them."""

    def __init__(self, rates: Rates, policy: Policy | None, subject: str, source: str, paid: int) -> None:
        self._rates, self._policy, self._subject, self._source = rates, policy, subject, source
        self._paid = paid
        self._readings: dict[str, Reading] = {}

    async def take(self, units: int = 1) -> None:
        """Takes what a request weighs, as far as it has not paid that yet; raises RATE_LIMITED."""
        if self._policy:
            # What weighs more than all that there is would never be let in.
            units = min(units, self._policy.quota)
            await self._pay(self._policy, self._subject, units, paid=self._paid)
            self._paid = max(self._paid, units)

    async def take_sign_in(self) -> None:
        """Takes one sign-in from those of the address; raises RATE_LIMITED."""
        if self._rates.sign_in:
            await self._pay(self._rates.sign_in, self._source, 1)

    async def _pay(self, policy: Policy, subject: str, units: int, paid: int = 0) -> None:
        if units <= paid:
            return
        fits, reading = await self._rates.counters.add(policy, subject, units - paid)
        self._readings[policy.name] = reading
        if not fits:
            wait = max(1, reading.wait(units))
            message = (
                f"Too many requests: {policy.quota:,} in {policy.window:,} s are allowed; try again in {wait:,} s."
            )
            raise Refusal(Code.RATE_LIMITED, message, headers={"Retry-After": str(wait)}, limit=policy.name)

    def headers(self) -> dict[str, str]:
        """Returns what HTTP tells of the limits, as draft 11 of the RateLimit header fields writes it."""
        if not self._readings:
            return {}
        readings = self._readings.values()
        policies = ", ".join(str(reading.policy) for reading in readings)
        return {"RateLimit-Policy": policies, "RateLimit": ", ".join(map(str, readings))}
