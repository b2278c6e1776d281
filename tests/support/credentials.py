"""Build the services that make and check credentials, as the application does."""

from dataclasses import dataclass

from waiting_list.access.authentication import Authenticator
from waiting_list.access.sign_outs import SignOuts
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.access.user_tokens import UserTokens
from waiting_list.postgres.pool import Pool
from waiting_list.settings import Settings


@dataclass
class Credentials:
    """The services, under the names of the application's `Services`."""

    signing_keys: SigningKeys
    sign_outs: SignOuts
    user_tokens: UserTokens
    authenticator: Authenticator


def credentials(pool: Pool, settings: Settings) -> Credentials:
    signing_keys, sign_outs = SigningKeys(pool), SignOuts(pool, settings)
    user_tokens = UserTokens(signing_keys, sign_outs)
    return Credentials(signing_keys, sign_outs, user_tokens, Authenticator(pool, settings, user_tokens, sign_outs))
