"""How a store of an older schema becomes one of today's: Alembic's environment, and a step for each change.

`appliance.box.migrating` runs them. A change of `appliance.box.schema` comes with a step in `versions/`,
whose revision `appliance.box.schema.VERSION` names.
"""
