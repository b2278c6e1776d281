"""What a sign-out answers."""

from datetime import datetime

from waiting_list.fields import Frozen


class SignedOut(Frozen):
    """The user whose tokens have ended, and when. All tokens from before that time are invalid."""

    user_id: str
    signed_out_at: datetime
