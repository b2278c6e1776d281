"""What checks and mints credentials, as the application puts it together."""

from dataclasses import dataclass

from waiting_list.auth import Authenticator
from waiting_list.database import Pool
from waiting_list.settings import Settings
from waiting_list.sign_outs import SignOuts
from waiting_list.signing_keys import SigningKeys
from waiting_list.user_tokens import UserTokens


@dataclass
class Credentials:
    """Under the names that the application's service has."""

    signing_keys: SigningKeys
    sign_outs: SignOuts
    user_tokens: UserTokens
    authenticator: Authenticator


def credentials(pool: Pool, settings: Settings) -> Credentials:
    signing_keys, sign_outs = SigningKeys(pool), SignOuts(pool, settings)
    user_tokens = UserTokens(signing_keys, sign_outs)
    return Credentials(signing_keys, sign_outs, user_tokens, Authenticator(pool, settings, user_tokens, sign_outs))
