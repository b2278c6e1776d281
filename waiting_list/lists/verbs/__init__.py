"""The verbs: what can happen to a list, each inside one transaction under the lock of the list."""

from waiting_list.lists.verbs.address import AddressReport, fail_address, mend_address
from waiting_list.lists.verbs.alert import Alert, alert, put_back_alerts, tell_alerts
from waiting_list.lists.verbs.buy import buy
from waiting_list.lists.verbs.catch_up import catch_up
from waiting_list.lists.verbs.change import change
from waiting_list.lists.verbs.checkout import checkout
from waiting_list.lists.verbs.configure import configure
from waiting_list.lists.verbs.contact import correct_address, set_contact, verify
from waiting_list.lists.verbs.declare_restore import declare_restore
from waiting_list.lists.verbs.draw import FALLBACK_AFTER, Beacon, draw, draw_by_clock
from waiting_list.lists.verbs.erase import erase, prune
from waiting_list.lists.verbs.expire import end, expire, resume
from waiting_list.lists.verbs.extend import extend, extend_all, extend_outage
from waiting_list.lists.verbs.give_back import give_back
from waiting_list.lists.verbs.grant import grant
from waiting_list.lists.verbs.join import join
from waiting_list.lists.verbs.leave import leave, remove
from waiting_list.lists.verbs.lookalikes import remove_lookalikes, restore
from waiting_list.lists.verbs.message import message
from waiting_list.lists.verbs.move import move, move_several
from waiting_list.lists.verbs.pause import pause, unpause
from waiting_list.lists.verbs.promote import idle, promote, reconsider, settle
from waiting_list.lists.verbs.share import share
from waiting_list.lists.verbs.stock import add_stock, add_total_stock, put_stock, remove_stock, remove_total_stock
from waiting_list.lists.verbs.take_back import is_undoable, take_back
from waiting_list.lists.verbs.transfer import TransferOffer, offer_transfer, take_transfer_back, transfer
from waiting_list.lists.verbs.undo import undo
from waiting_list.lists.verbs.wish import heed, link, unlink

__all__ = [
    "FALLBACK_AFTER",
    "AddressReport",
    "Alert",
    "Beacon",
    "TransferOffer",
    "add_stock",
    "add_total_stock",
    "alert",
    "buy",
    "catch_up",
    "change",
    "checkout",
    "configure",
    "correct_address",
    "declare_restore",
    "draw",
    "draw_by_clock",
    "end",
    "erase",
    "expire",
    "extend",
    "extend_all",
    "extend_outage",
    "fail_address",
    "give_back",
    "grant",
    "heed",
    "idle",
    "is_undoable",
    "join",
    "leave",
    "link",
    "mend_address",
    "message",
    "move",
    "move_several",
    "offer_transfer",
    "pause",
    "promote",
    "prune",
    "put_back_alerts",
    "put_stock",
    "reconsider",
    "remove",
    "remove_lookalikes",
    "remove_stock",
    "remove_total_stock",
    "restore",
    "resume",
    "set_contact",
    "settle",
    "share",
    "take_back",
    "take_transfer_back",
    "tell_alerts",
    "transfer",
    "undo",
    "unlink",
    "unpause",
    "verify",
]
