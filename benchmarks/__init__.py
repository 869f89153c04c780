"""The measurements that README.md quotes. Each is a module that runs by itself and prints one table."""
