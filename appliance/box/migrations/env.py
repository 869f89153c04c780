"""Alembic's environment: the steps run in the transaction of whoever opens the store."""

from alembic import context

from appliance.box.schema import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
