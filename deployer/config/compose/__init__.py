"""The keys of a service in the Compose specification, each in all its short and long forms.

https://github.com/compose-spec/compose-spec/blob/main/05-services.md
"""
