"""Define the command for images."""

from typing import Annotated

import typer

from waiting_list.cli.options import DataDir
from waiting_list.cli.output import counted, fail


def move_images(
    to_database: Annotated[
        bool, typer.Option("--to-database", help="Move them out of the store, back into the database.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Move the images and logos that are in the database into the store of WAITING_LIST_IMAGES_S3_URL.

    The service may run meanwhile, and shows all of them. The command can be repeated after a failure. Files that
    no image uses any longer are deleted by the worker an hour later.
    """
    from waiting_list.catalogue.image_store import ImageStore
    from waiting_list.catalogue.images import Images, Moved
    from waiting_list.cli.context import run_with_pool, with_database
    from waiting_list.postgres.pool import Pool
    from waiting_list.settings import Settings

    async def run(pool: Pool, config: Settings) -> Moved:
        store = ImageStore.of(config)
        if store is None:
            fail("There is no store to move images to or from: set WAITING_LIST_IMAGES_S3_URL.")
        return await Images(pool, store).move(to_database=to_database)

    with with_database(data_dir) as settings:
        done = run_with_pool(settings, run)
    print(f"Moved {counted(done.moved, 'image')}.")
    if done.missing:
        fail(f"The store lacks the files of {counted(done.missing, 'image')}: restore the bucket from its backup.")
